"""Keep of an incident what matching needs, as a function of the reports that stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.tracker.reading import in_order, moment_of, supports
from shared.events import Report, Victim

SAME_ATTACK = timedelta(days=45)
"""One victim is seldom hit twice within this time, and the news of one attack seldom pauses longer."""
MAX_SPELLINGS = 300
MAX_TITLES = 60


class Known(BaseModel):
    """An incident as far as matching needs it: every spelling, supplier and title that its reports gave.

    `first` to `last` is the time of its own news, `echoes` when it was told again long after that.
    `retracted_at` is set where a person retracted it: what happened after that is another attack.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal["incident", "outage"] = "incident"
    victims: tuple[Victim, ...] = ()
    suppliers: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    attack_date: date | None = None
    first: AwareDatetime
    last: AwareDatetime
    echoes: tuple[AwareDatetime, ...] = ()
    retracted_at: AwareDatetime | None = None


def know(incident_id: str, reports: Sequence[Report], retracted_at: datetime | None = None) -> Known:
    """Gather what is known from the reports that stand, at least one."""
    ordered = [report for report in in_order(reports) if supports(report)] or in_order(reports)
    moments = [moment_of(report) for report in ordered]
    last = moments[0]
    for moment in moments:
        if moment <= last + SAME_ATTACK:
            last = moment
    dates = [report.facts.attack_date for report in ordered if report.facts.attack_date]
    return Known(
        id=incident_id,
        kind="incident" if any(report.incident for report in ordered) else "outage",
        victims=_each(victim for report in ordered for victim in report.facts.victims),
        suppliers=tuple(dict.fromkeys(name for report in ordered for name in report.facts.suppliers))[:MAX_SPELLINGS],
        titles=tuple(dict.fromkeys(report.title for report in ordered if report.title))[:MAX_TITLES],
        attack_date=min(dates, default=None),
        first=moments[0],
        last=last,
        echoes=tuple(moment for moment in moments if moment > last),
        retracted_at=retracted_at,
    )


def _each(victims: Iterable[Victim]) -> tuple[Victim, ...]:
    return tuple(dict.fromkeys(victims))[:MAX_SPELLINGS]
