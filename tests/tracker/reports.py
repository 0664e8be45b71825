"""Make reports for the tests of the tracker, in few words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.consume import Received
from shared.events import Certainty, Evidence, Facts, Report, Scope, Status, Victim
from shared.headers import Trace
from shared.ids import stable_id
from shared.severity import Facts as Grading
from shared.severity import grade
from shared.signals import Certainty as GradingCertainty
from shared.signals import Scope as GradingScope
from shared.signals import Signal
from shared.topics import REPORTS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def victim(name: str, place: str | None = None, country: str | None = "FR", normalised: str = "") -> Victim:
    """Name a victim."""
    return Victim(name=name, place=place, country=country, normalised=normalised)


def report(
    name: str | Victim | list[Victim] | None = "Centre hospitalier de Valmont",
    *signals: Signal,
    day: float = 0,
    entry: str = "",
    revision: int = 1,
    judge: str = "1",
    incident: bool = True,
    outage: bool = False,
    level: int | None = None,
    title: str = "",
    host: str = "",
    reason: str = "",
    quote: str = "",
    now: datetime = NOW,
    attack: date | None = None,
    **facts: Any,
) -> Report:
    """Make a report published `day` days after now, graded as the classifier grades."""
    victims = [] if name is None else [victim(name)] if isinstance(name, str) else name
    victims = [victims] if isinstance(victims, Victim) else victims
    host = host or f"{stable_id(title, str(name), str(signals), str(day), entry)[:8]}.example"
    known = Facts(victims=tuple(victims), attack_date=attack, **facts)
    event = (Signal.ATTACK,) if incident else (Signal.OUTAGE,) if outage else ()
    grading = Grading(
        certainty=GradingCertainty(known.certainty.value),
        scope=GradingScope(known.scope.value),
        sites=known.sites,
        diverting_sites=known.diverting_sites,
        sites_down=known.sites_down,
    )
    graded = grade((*event, *signals), grading).level if incident or outage else 0
    moment = now + timedelta(days=day)
    entry_id = stable_id("entry", entry or host, title)
    item_id = stable_id("item", entry_id, revision)
    return Report(
        id=Report.make_id(item_id, judge),
        item_id=item_id,
        entry_id=entry_id,
        judge_version=judge,
        judged_at=moment + timedelta(minutes=revision),
        feed=f"https://{host}/feed",
        url=f"https://{host}/{entry or 'article'}",
        title=title or f"{host} reports on {name}",
        published=moment,
        first_seen=moment,
        revision=revision,
        incident=incident,
        outage=outage,
        confidence=0.9,
        level=graded if level is None else level,
        facts=known,
        evidence=tuple(
            Evidence(signal=signal.value, quote=quote or f"{signal.value} in {host}", why="stated as fact")
            for signal in signals
        ),
        reason=reason,
    )


def received(*reports: Report) -> list[Received[Report]]:
    """Wrap reports as the consuming loop hands them over."""
    return [Received(one, REPORTS, 0, offset, Trace.start(one.entry_id)) for offset, one in enumerate(reports)]


__all__ = ["NOW", "Certainty", "Scope", "Signal", "Status", "received", "report", "victim"]
