"""Let go of what was kept long enough: by itself, in small bites, never in anybody's way.

A service names its bites in its `purge.py`: each is one statement that removes at most `:rows` rows older than
`:days`. Every hour a process repeats each bite until nothing is left to take, with pauses in between. Each bite is a
transaction of its own under an advisory lock, so that replicas take turns; rows that somebody holds are passed over,
and a bite that has to wait for a lock gives up. 0 days keeps a thing for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import transaction
from shared.errors import Transient
from shared.log import get_logger
from shared.steady import uninterrupted

log = get_logger()

ROWS = 300
PAUSE_S = 0.25
EVERY_S = 3600.0
FIRST_S = 30.0
"""Not at once: a service that has just started has better things to do."""

_TURN = text("SELECT pg_try_advisory_xact_lock(hashtext('codegrey.purge'), hashtext(:service))")
_PATIENCE = text("SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '20s', true)")


@dataclass(frozen=True)
class Bite:
    """What goes, how many days it is kept, and the statement (parameters `:days` and `:rows`) that takes some of it."""

    what: str
    days: int
    statement: str


def outbox_bite(schema: str, days: int) -> Bite:
    """Return the bite for a schema's outbox: what Kafka confirmed long ago.

    What waits, and what Kafka refused for good, stays. The oldest rows are looked at in the order of their ids, so
    that this costs the same however many there are.
    """
    return Bite(
        "outbox",
        days,
        f"""
        DELETE FROM {schema}.outbox WHERE id IN (
            SELECT id FROM (
                SELECT id, published_at FROM {schema}.outbox
                WHERE published_at IS NOT NULL ORDER BY id LIMIT :rows) oldest
            WHERE published_at < clock_timestamp() - make_interval(days => :days))
        """,  # noqa: S608 - names of ours
    )


@dataclass
class Purger:
    """Take every bite of one service, again and again."""

    service: str
    engine: AsyncEngine
    bites: Sequence[Bite]
    rows: int = ROWS
    pause_s: float = PAUSE_S

    async def run(self) -> None:
        """Purge every hour until cancelled; a database that is away is waited for."""
        await asyncio.sleep(FIRST_S)
        while True:
            await self.purge()
            await asyncio.sleep(EVERY_S)

    async def purge(self) -> dict[str, int]:
        """Take all that is due now; return how many rows of what went."""
        gone: dict[str, int] = {}
        for bite in self.bites:
            if not bite.days:
                continue
            try:
                gone[bite.what] = await self._eat(bite)
            except Transient as fault:
                log.info("not purged now", what=bite.what, fault=str(fault)[:200])
        if any(gone.values()):
            log.info("purged", **{what.replace(" ", "_"): count for what, count in gone.items() if count})
        return gone

    async def _eat(self, bite: Bite) -> int:
        total = 0
        while True:
            taken = await uninterrupted(self._take(bite))
            total += taken
            if taken < self.rows:
                return total
            await asyncio.sleep(self.pause_s)

    async def _take(self, bite: Bite) -> int:
        async with transaction(self.engine) as connection:
            await connection.execute(_PATIENCE)
            if not await connection.scalar(_TURN, {"service": self.service}):
                return 0
            done = await connection.execute(text(bite.statement), {"days": bite.days, "rows": self.rows})
            return int(done.rowcount)
