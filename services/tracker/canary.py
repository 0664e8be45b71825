"""Take the canary's reports the way of all others, apart from them, and leave nothing of them behind.

The same lock, reading, merging and writing; but they are merged among nothing, so that no real report
can meet them, and what is written is taken back to a savepoint. Only the message stays in the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.tracker import store
from services.tracker.ledger import Ledger
from services.tracker.read_batch import open_ledger
from services.tracker.tables import outbox
from services.tracker.take import Arrived, place, take_report
from shared import canary
from shared.consume import Received
from shared.events import Report
from shared.outbox import add_rows, outbox_row
from shared.topics import ALERTS


def apart(received: Sequence[Received[Report]]) -> tuple[list[Received[Report]], list[Received[Report]]]:
    """Part a batch into what is real and canaries."""
    real = [one for one in received if one.event.feed != canary.FEED]
    return real, [one for one in received if one.event.feed == canary.FEED] if len(real) < len(received) else []


async def pass_on(
    connection: AsyncConnection,
    canaries: Sequence[Received[Report]],
    arrived: Callable[[Received[Report]], Arrived],
    now: datetime,
) -> bool:
    """Merge each canary alone, write and take back, and queue its alert; return whether there is one."""
    queued = False
    for one in canaries:
        mine = arrived(one)
        # Asked as for a real one; what it finds is not the canary's to join.
        await open_ledger(connection, [mine.report.entry_id], [mine.wanted] if mine.wanted else [])
        ledger = Ledger()
        take_report(ledger, mine, place(ledger, mine), now)
        savepoint = await connection.begin_nested()
        await store.write(connection, ledger, now)
        await savepoint.rollback()
        for version in ledger.versions:
            alert = version.alert.model_copy(update={"canary": True})
            row = outbox_row(
                ALERTS, alert, event_id=alert.id, source="tracker", time=alert.created_at, trace=version.trace
            )
            await add_rows(connection, outbox, [row])
            queued = True
    return queued
