"""Put one report where it belongs, and conclude what there is to tell: on the ledger, nothing is asked or sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.tracker.conclude import Cause, conclude
from services.tracker.known import Known, know
from services.tracker.ledger import Dossier, Filed, Ledger, ReportEntry, Version, Wanted
from services.tracker.merge import Matches, Merge, settle
from services.tracker.reading import moment_of, supersedes, supports, tells_harmless_cause
from shared.events import Report
from shared.headers import Trace
from shared.ids import stable_id


@dataclass(frozen=True, slots=True)
class Arrived:
    """A report that is new, with its document and what finds its candidates (none where it can join nothing)."""

    report: Report
    document: str
    trace: Trace
    wanted: Wanted | None
    matches: Matches
    appended_at: datetime | None = None
    """When Kafka took the report in."""

    @classmethod
    def of(cls, report: Report, document: str, trace: Trace, appended_at: datetime | None = None) -> Arrived:
        """Read what finds its candidates."""
        joins = supports(report) or tells_harmless_cause(report)
        return cls(report, document, trace, Wanted.by(report) if joins else None, Matches(report), appended_at)


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a report goes, whose place it takes, and among how many incidents that was decided."""

    outcome: str
    reason: str
    incident_id: str | None = None
    homes: frozenset[str] = frozenset()
    replaced: tuple[Filed, ...] = ()
    candidates: int | None = None

    @property
    def opens(self) -> bool:
        """Say whether it opens an incident."""
        return self.outcome == "opened"

    @property
    def touched(self) -> list[str]:
        """Return the incidents that were there before and must be concluded anew."""
        joined = {self.incident_id} if self.incident_id and not self.opens else set()
        return sorted(one for one in self.homes | joined if one)


def place(ledger: Ledger, arrived: Arrived) -> Placing:
    """Decide where a report goes, as the ledger stands; changes nothing.

    The incidents of the earlier reports on its entry must be in hand in full.
    """
    report = arrived.report
    earlier = ledger.filed.get(report.entry_id, [])
    if any(not supersedes(report, other) for other in earlier):
        return Placing("superseded", "a later report on the same entry was here first")
    replaced = tuple(other for other in earlier if other.stands)
    homes = frozenset(other.incident_id for other in replaced if other.incident_id)
    home = _without(ledger, min(homes, default=None), replaced, report)
    candidates = ledger.candidates(arrived.wanted) if arrived.wanted else []
    if home:
        candidates = [home if known.id == home.id else known for known in candidates]
    merge: Merge = settle(report, candidates, home, arrived.matches)
    incident_id = merge.incident_id or (stable_id("incident", report.id) if merge.opens else None)
    outcome = "opened" if merge.opens else "merged" if incident_id else merge.rule
    return Placing(outcome, merge.reason, incident_id, homes, replaced, len(candidates))


def take_report(ledger: Ledger, arrived: Arrived, placing: Placing, now: datetime) -> None:
    """Put a report to where `place` said, and note the versions that it brings, an opening first.

    The incidents that it touches must be in hand in full.
    """
    ledger.withdraw(placing.replaced, f"replaced by revision {arrived.report.revision}")
    if placing.opens and placing.incident_id:
        _open(ledger, arrived, placing.incident_id, now)
    stands = placing.incident_id is not None
    ledger.file(
        ReportEntry(
            arrived.report,
            arrived.document,
            placing.incident_id,
            stands,
            placing.outcome,
            placing.reason,
            arrived.appended_at,
        )
    )
    for incident_id in placing.touched:
        _renew(ledger, ledger.dossiers[incident_id], arrived, now, withdrawn=bool(placing.replaced))


def _without(ledger: Ledger, home: str | None, replaced: tuple[Filed, ...], report: Report) -> Known | None:
    """Return the incident that rested on the replaced report, as it is known without it."""
    if home is None:
        return None
    gone = {one.id for one in replaced}
    standing = [one for one in (ledger.dossiers[home].standing or {}).values() if one.id not in gone]
    if standing:
        return know(home, standing)
    return Known(id=home, first=moment_of(report), last=moment_of(report))


def _open(ledger: Ledger, arrived: Arrived, incident_id: str, now: datetime) -> None:
    """Open an incident by a report."""
    report = arrived.report
    state, alert = conclude([report], None, Cause.of(report, incident_id, now, now))
    assert alert is not None, "an opening is always told"
    known = know(incident_id, [report])
    dossier = Dossier(incident_id, report.entry_id, state, now, "", known.first, known.last, standing={})
    ledger.take_up(dossier)
    ledger.update(dossier, known)
    ledger.tell(dossier, state, Version(alert, report.id, arrived.trace))


def _renew(ledger: Ledger, dossier: Dossier, arrived: Arrived, now: datetime, *, withdrawn: bool) -> None:
    """Conclude anew from what stands; a person's retraction is never overruled by a report."""
    report = arrived.report
    assert dossier.last is not None, f"incident {dossier.id} has no version"
    standing = list((dossier.standing or {}).values())
    if standing:
        ledger.update(dossier, know(dossier.id, standing, dossier.known.retracted_at))
    if dossier.state == "retracted":
        return
    cause = Cause.of(report, dossier.id, now, dossier.opened_at, withdrawn=withdrawn)
    state, alert = conclude(standing, dossier.last, cause)
    if alert:
        ledger.tell(dossier, state, Version(alert, report.id, arrived.trace))
