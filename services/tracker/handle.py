"""Merge reports of one attack into one incident, and tell of each new version of it.

For a batch, in one transaction and under one global lock: the inbox, the reports, the incidents, their
new versions and the messages that tell of them. A report that was handled before changes nothing. A later
report on the same entry takes the place of the earlier one, whose evidence is withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.tracker import store
from services.tracker.conclude import Cause, conclude
from services.tracker.known import Known, know
from services.tracker.merge import Merge, settle
from services.tracker.metrics import CANDIDATES, REPORTS, VERSIONS
from services.tracker.reading import moment_of, supersedes
from shared.consume import Received
from shared.crash import crash_point
from shared.database import database_now, transaction
from shared.events import Alert, Report
from shared.headers import Trace
from shared.ids import stable_id
from shared.log import get_logger

log = get_logger()


def handler(engine: AsyncEngine, wake: asyncio.Event) -> Callable[[Sequence[Received[Report]]], Awaitable[None]]:
    """Return the handler; `wake` rouses the relay that publishes the alerts."""

    async def handle(received: Sequence[Received[Report]]) -> None:
        """Take in a batch of reports; what is delivered twice changes nothing."""
        told: list[tuple[Alert, Trace]] = []
        async with transaction(engine) as connection:
            await store.take_lock(connection)
            now = await database_now(connection)
            new = await store.take_in(connection, [one.event.id for one in received])
            for one in received:
                if one.event.id in new:
                    new.discard(one.event.id)
                    told += await take_report(connection, _storable(one.event), one.trace, now)
        if told:
            wake.set()
        for alert, trace in told:
            _tell(alert, trace)
        crash_point("tracker-between-commit-and-ack")

    return handle


async def take_report(
    connection: AsyncConnection, report: Report, trace: Trace, now: datetime
) -> list[tuple[Alert, Trace]]:
    """Put one report where it belongs; return the versions that it brings."""
    earlier = await store.reports_of_entry(connection, report.entry_id)
    if any(not supersedes(report, other) for other, _, _ in earlier):
        why = "a later report on the same entry was here first"
        await store.write_report(connection, report, incident_id=None, stands=False, outcome="superseded", reason=why)
        REPORTS.labels("superseded").inc()
        return []
    replaced = [other for other, _, stands in earlier if stands]
    homes = {incident_id for _, incident_id, stands in earlier if stands and incident_id}
    await store.withdraw(connection, [other.id for other in replaced], f"replaced by revision {report.revision}")
    home = await _without(connection, next(iter(homes), None), report)
    merge = await _choose(connection, report, home)
    incident_id = merge.incident_id or (stable_id("incident", report.id) if merge.opens else None)
    touched = sorted(homes | ({incident_id} if incident_id else set()))
    outcome = "opened" if merge.opens else "merged" if incident_id else merge.rule
    REPORTS.labels(outcome).inc()
    if merge.opens and incident_id:
        return await _open(connection, incident_id, report, merge, trace, now, homes)
    await store.write_report(
        connection,
        report,
        incident_id=incident_id,
        stands=incident_id is not None,
        outcome=outcome,
        reason=merge.reason,
    )
    told = []
    for one in touched:
        alert = await _renew(connection, one, report, now, trace, withdrawn=bool(replaced))
        told += [(alert, trace)] if alert else []
    return told


async def _choose(connection: AsyncConnection, report: Report, home: Known | None) -> Merge:
    candidates = await store.candidates_for(connection, report)
    if home:
        candidates = [home if known.id == home.id else known for known in candidates]
    CANDIDATES.observe(len(candidates))
    return settle(report, candidates, home)


async def _without(connection: AsyncConnection, incident_id: str | None, report: Report) -> Known | None:
    """Return the incident that rested on the replaced report, as it is known without it."""
    if incident_id is None:
        return None
    standing = await store.standing_reports(connection, incident_id)
    if standing:
        return know(incident_id, standing)
    return Known(id=incident_id, first=moment_of(report), last=moment_of(report))


async def _open(
    connection: AsyncConnection,
    incident_id: str,
    report: Report,
    merge: Merge,
    trace: Trace,
    now: datetime,
    homes: set[str],
) -> list[tuple[Alert, Trace]]:
    """Open an incident by `report`; incidents that it leaves are told of what they lose."""
    cause = Cause.of(report, incident_id, now, now)
    state, alert = conclude([report], None, cause)
    assert alert is not None, "an opening is always told"
    await store.write_incident(connection, alert, state, know(incident_id, [report]))
    await store.write_report(
        connection, report, incident_id=incident_id, stands=True, outcome="opened", reason=merge.reason
    )
    await store.write_version(connection, alert, report.id, trace)
    told = [(alert, trace)]
    for home in sorted(homes - {incident_id}):
        left = await _renew(connection, home, report, now, trace, withdrawn=True)
        told += [(left, trace)] if left else []
    return told


async def _renew(
    connection: AsyncConnection, incident_id: str, report: Report, now: datetime, trace: Trace, *, withdrawn: bool
) -> Alert | None:
    """Conclude anew from what stands; a person's retraction is never overruled by a report."""
    row = await store.read_incident(connection, incident_id)
    last = await store.last_alert(connection, incident_id)
    assert row is not None, f"incident {incident_id} is not there"
    assert last is not None, f"incident {incident_id} has no version"
    standing = await store.standing_reports(connection, incident_id)
    known = know(incident_id, standing, row["retracted_at"]) if standing else Known.model_validate(row["known"])
    if row["state"] == "retracted":
        await store.write_known(connection, known)
        return None
    cause = Cause.of(report, incident_id, now, row["opened_at"], withdrawn=withdrawn)
    state, alert = conclude(standing, last, cause)
    if alert is None:
        await store.write_known(connection, known)
        return None
    await store.write_incident(connection, alert, state, known)
    await store.write_version(connection, alert, report.id, trace)
    return alert


def _storable(report: Report) -> Report:
    """Replace NUL, which PostgreSQL's JSON cannot hold: a report must not be lost for it."""
    document = report.model_dump_json()
    return Report.model_validate(_without_nul(report.model_dump())) if "\\u0000" in document else report


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {key: _without_nul(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    return value


def _tell(alert: Alert, trace: Trace) -> None:
    VERSIONS.labels(alert.reason.value).inc()
    event = f"{alert.kind} {alert.reason.value}"
    log.info(
        event,
        correlation_id=trace.correlation_id,
        incident=alert.incident_id[:8],
        version=alert.version,
        level=alert.level,
        headline=alert.headline[:160],
        sources=len(alert.sources),
        silent=alert.silent,
        show=True,
    )
