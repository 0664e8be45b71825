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

from services.tracker import canary, store
from services.tracker.ledger import Ledger, Version
from services.tracker.metrics import CANDIDATES, JUDGED_TO_MERGED, REPORTS, VERSIONS
from services.tracker.read_batch import open_ledger, read_in_full
from services.tracker.take import Arrived, place, take_report
from shared.consume import Received
from shared.crash import crash_point
from shared.database import transaction
from shared.events import Report
from shared.log import get_logger

log = get_logger()


def handler(engine: AsyncEngine, wake: asyncio.Event) -> Callable[[Sequence[Received[Report]]], Awaitable[None]]:
    """Return the handler; `wake` rouses the relay that publishes the alerts."""

    async def handle(received: Sequence[Received[Report]]) -> None:
        """Take in a batch of reports; what is delivered twice changes nothing."""
        async with transaction(engine) as connection:
            now = await store.take_lock(connection)
            real, canaries = canary.apart(received)
            new = await store.take_in(connection, [one.event.id for one in real])
            fresh = _once(real, new)
            ledger = await _merge(connection, [_arrived(one) for one in fresh], now)
            await store.write(connection, ledger, now)
            sings = await canary.pass_on(connection, canaries, _arrived, now)
        for one in fresh:
            JUDGED_TO_MERGED.note(one.appended_at, now)
        if ledger.versions or sings:
            wake.set()
        for version in ledger.versions:
            _tell(version)
        crash_point("tracker-between-commit-and-ack")

    return handle


async def _merge(connection: AsyncConnection, arrived: Sequence[Arrived], now: datetime) -> Ledger:
    """Put each report where it belongs, in the order in which they came.

    Read first is what the batch is likely to touch. What one report brings may lead the next elsewhere:
    then that incident is read in between.
    """
    entries = [one.report.entry_id for one in arrived]
    ledger = await open_ledger(connection, entries, [one.wanted for one in arrived if one.wanted])
    likely = [incident_id for one in arrived for incident_id in place(ledger, one).touched]
    await read_in_full(connection, ledger, likely)
    for one in arrived:
        placing = place(ledger, one)
        REPORTS.labels(placing.outcome).inc()
        if placing.candidates is not None:
            CANDIDATES.observe(placing.candidates)
        await read_in_full(connection, ledger, placing.touched)
        take_report(ledger, one, placing, now)
    return ledger


def _once(received: Sequence[Received[Report]], new: set[str]) -> list[Received[Report]]:
    """Keep the first of each report that is new."""
    return list({one.event.id: one for one in reversed(received) if one.event.id in new}.values())[::-1]


def _arrived(one: Received[Report]) -> Arrived:
    """Write the report's document; NUL, which PostgreSQL's JSON cannot hold, is replaced: no report is lost for it."""
    report, document = one.event, one.event.model_dump_json()
    if "\\u0000" in document:
        report = Report.model_validate(_without_nul(report.model_dump()))
        document = report.model_dump_json()
    return Arrived.of(report, document, one.trace, one.appended_at)


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {key: _without_nul(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    return value


def _tell(version: Version) -> None:
    alert = version.alert
    VERSIONS.labels(alert.reason.value).inc()
    event = f"{alert.kind} {alert.reason.value}"
    log.info(
        event,
        correlation_id=version.trace.correlation_id,
        incident=alert.incident_id[:8],
        version=alert.version,
        level=alert.level,
        headline=alert.headline[:160],
        sources=len(alert.sources),
        silent=alert.silent,
        show=True,
    )
