"""Conclude from the standing reports whether an incident is open, and what to tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.tracker.assess import Assessment, assess
from services.tracker.reading import moment_of, supports, tells_harmless_cause
from services.tracker.version import Verdict, compare, level_words
from shared.events import Alert, AlertReason, Arrival, Change, Report, Status

REPEATED_FOR = timedelta(days=2)
"""How long outlets go on to tell of an outage whose harmless cause is known."""
OLD = timedelta(days=7)
"""What is older than this is told silently."""
MAX_BYTES = 200_000
"""An alert must fit into a message of Kafka with room to spare."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What brings a new version: a report, or a person who retracts."""

    incident_id: str
    entry_id: str
    now: datetime
    opened_at: datetime
    silent: bool = False
    arrival: Arrival = Arrival.LIVE
    withdrawn: bool = False
    why: str = ""
    seen_at: datetime | None = None

    @classmethod
    def of(
        cls, report: Report, incident_id: str, now: datetime, opened_at: datetime, *, withdrawn: bool = False
    ) -> Cause:
        """Take `report` as the cause; old news is told silently."""
        return cls(
            incident_id,
            report.entry_id,
            now,
            opened_at,
            silent=now - moment_of(report) > OLD,
            arrival=report.arrival,
            withdrawn=withdrawn,
            why=report.reason,
            seen_at=report.seen_at(),
        )


def conclude(standing: Sequence[Report], last: Alert | None, cause: Cause) -> tuple[str, Alert | None]:
    """Return the incident's state, and the alert of a new version where there is something to tell.

    1. Nothing supports it any more: an outage is closed, an attack is retracted by correction.
    2. An outage whose harmless cause was told after the last news of it: closed.
    3. Else it is open, also again, with what the standing reports say.
    """
    supporting = [report for report in standing if supports(report)]
    if not supporting:
        assert last is not None, "an incident is opened by a report that supports it"
        if last.kind == "outage":
            return _ended(last, "closed", AlertReason.CLOSED, cause, "the report was corrected: no outage")
        note = f"the reports that it rested on were corrected or withdrawn: {cause.why}"
        return _ended(last, "corrected", AlertReason.RETRACTED, cause, note)
    if harmless := closing_report(standing):
        if last is None:
            return "closed", None
        return _ended(last, "closed", AlertReason.CLOSED, cause, f"harmless cause stated: {harmless.title}")
    known = assess(supporting, last.facts.victims if last else ())
    verdict = compare(last, known, withdrawn=cause.withdrawn)
    return "open", make_alert(known, verdict, last, cause) if verdict else None


def closing_report(standing: Sequence[Report]) -> Report | None:
    """Return the report that closes an outage: a harmless cause, and no attack and no later outage told."""
    if any(report.incident for report in standing):
        return None
    harmless = max((one for one in standing if tells_harmless_cause(one)), key=moment_of, default=None)
    if harmless is None:
        return None
    until = moment_of(harmless) + REPEATED_FOR
    return None if any(one.outage and moment_of(one) > until for one in standing) else harmless


def retract(last: Alert, cause: Cause, because: str) -> Alert:
    """Write the version by which a person takes an incident back."""
    alert = _ended(last, "retracted", AlertReason.RETRACTED, cause, because)[1]
    assert alert is not None, "a retraction is always told"
    return alert


def make_alert(known: Assessment, verdict: Verdict, last: Alert | None, cause: Cause) -> Alert:
    """Write the full snapshot."""
    version = last.version + 1 if last else 1
    return _fitted(
        Alert(
            id=Alert.make_id(cause.incident_id, version),
            incident_id=cause.incident_id,
            version=version,
            reason=verdict.reason,
            created_at=cause.now,
            kind=known.kind,
            headline=known.headline,
            level=known.level,
            peak=known.peak,
            cap=known.cap,
            impact_unknown=known.impact_unknown,
            would_be=known.would_be,
            grade_reason=known.grade_reason[:2_000],
            facts=known.facts,
            evidence=known.evidence,
            sources=known.sources,
            independent_sources=known.independent_sources,
            changes=verdict.changes,
            opened_at=cause.opened_at,
            first_published=known.first_published,
            entry_id=cause.entry_id,
            silent=cause.silent,
            arrival=cause.arrival,
            seen_at=cause.seen_at,
        )
    )


def _ended(last: Alert, state: str, reason: AlertReason, cause: Cause, note: str) -> tuple[str, Alert | None]:
    """Write the version that ends it, once: no level is left; a closed outage keeps what it was at its worst."""
    if last.reason in {AlertReason.CLOSED, AlertReason.RETRACTED}:
        return state, None
    version = last.version + 1
    closed = reason is AlertReason.CLOSED
    word = "Closed" if closed else "Retracted"
    alert = last.model_copy(
        update={
            "id": Alert.make_id(cause.incident_id, version),
            "version": version,
            "reason": reason,
            "created_at": cause.now,
            "headline": f"{word}: {last.headline}"[:2_000],
            "level": 0,
            "peak": last.peak if closed else 0,
            "cap": "Unknown",
            "would_be": None,
            "impact_unknown": False,
            "facts": last.facts.model_copy(update={"status": Status.PAST}) if closed else last.facts,
            "grade_reason": note[:2_000],
            "changes": (Change(field="level", before=level_words(last.level), after=level_words(0)),),
            "entry_id": cause.entry_id,
            "silent": cause.silent,
            "arrival": cause.arrival,
            "note": note[:2_000],
            "seen_at": cause.seen_at,
        }
    )
    return state, alert


def _fitted(alert: Alert) -> Alert:
    """Halve the lists until the alert fits; hostile sources can have very long addresses and names."""
    while len(alert.model_dump_json()) > MAX_BYTES:
        facts = alert.facts.model_copy(update={"victims": alert.facts.victims[: len(alert.facts.victims) // 2]})
        if len(alert.sources) <= 1 and not alert.evidence:
            return alert.model_copy(update={"facts": facts})
        alert = alert.model_copy(
            update={
                "sources": alert.sources[: max(1, len(alert.sources) // 2)],
                "evidence": alert.evidence[: len(alert.evidence) // 2],
                "facts": facts if len(alert.facts.victims) > 4 else alert.facts,
            }
        )
    return alert
