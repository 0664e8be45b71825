"""Tell that this machine's clock is wrong: it jumped, or others disagree with it.

The clock and the monotonic clock, which nobody can set, must advance alike. The database's and
Kafka's clocks are asked on the way; on one machine they are the same clock and prove nothing, so
ingest adds what publishers' servers say (`services/ingest/fetching/skew.py`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import transaction
from shared.trouble import Trouble

OFF_S = 30.0
"""Further apart than this, two clocks disagree."""
JUMP_S = 30.0
PROMPT_S = 5.0
"""An answer that took longer says nothing about the clock."""
SETTLED_AFTER_S = 900.0
"""A clock that has run evenly for so long has settled."""

Clock = Callable[[], float]


@dataclass
class EvenClock:
    """Notice jumps; `now` is the clock that may be set, `steady` the one that cannot."""

    now: Clock = time.time
    steady: Clock = time.monotonic
    machine: str = field(default_factory=socket.gethostname)
    _last: tuple[float, float] | None = None
    _jumps: list[tuple[float, float]] = field(default_factory=list)
    """(steady time, seconds) of each jump that is not settled."""

    def trouble(self) -> Trouble | None:
        """Compare with the last time this was asked; a jump is told until the clock has settled."""
        now, steady = self.now(), self.steady()
        if self._last is not None:
            jump = (now - self._last[0]) - (steady - self._last[1])
            if abs(jump) >= JUMP_S:
                self._jumps.append((steady, jump))
        self._last = now, steady
        self._jumps = [one for one in self._jumps if steady - one[0] < SETTLED_AFTER_S]
        if not self._jumps:
            return None
        total, minutes = sum(jump for _, jump in self._jumps), SETTLED_AFTER_S / 60
        return Trouble(
            f"clock:jump@{self.machine}",
            f"the clock of {self.machine} jumped {_direction(self._jumps[-1][1])} by {_span(self._jumps[-1][1])}",
            f"Within {minutes:.0f} minutes it moved {_direction(total)} by {_span(total)} against the time "
            "that passed: it was set, or the machine slept. See that a time service (NTP) keeps it. This is told as "
            f"over when it has run evenly for {minutes:.0f} minutes.",
            len(self._jumps),
        )


def disagreement(machine: str, whose: str, offset_s: float) -> Trouble | None:
    """Say that another's clock is `offset_s` ahead of that of `machine`, where that is too much."""
    if abs(offset_s) < OFF_S:
        return None
    ahead = "behind" if offset_s > 0 else "ahead of"
    return Trouble(
        f"clock:{whose}@{machine}",
        f"the clock of {machine} is {_span(offset_s)} {ahead} that of {whose}",
        "One of the two is wrong: what is late and what is old is judged by them. See that a time service (NTP) "
        "keeps both.",
    )


async def database_offset(engine: AsyncEngine, now: Clock = time.time) -> float:
    """Return by how many seconds the database's clock is ahead of ours; 0 where it took its time to answer."""
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT 1"))
        before = now()
        theirs = await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8"))
        after = now()
    return float(theirs or 0.0) - (before + after) / 2 if after - before < PROMPT_S else 0.0


@dataclass
class ClockLook:
    """Look at this machine's clock, as every service does; all of them say the same.

    `kafka_offset` is by how much Kafka's was ahead when it last took our word.
    """

    engine: AsyncEngine | None
    kafka_offset: Callable[[], float | None]
    even: EvenClock = field(default_factory=EvenClock)

    async def __call__(self) -> list[Trouble]:
        """Return what is wrong with it."""
        found = [self.even.trouble()]
        if (kafka := self.kafka_offset()) is not None:
            found.append(disagreement(self.even.machine, "Kafka", kafka))
        if self.engine is not None:
            offset = await database_offset(self.engine, self.even.now)
            found.append(disagreement(self.even.machine, "the database", offset))
        return [one for one in found if one]


def _span(seconds: float) -> str:
    size = abs(seconds)
    if size < 120:
        return f"{size:.0f} seconds"
    return f"{size / 60:.0f} minutes" if size < 7200 else f"{size / 3600:.0f} hours"


def _direction(seconds: float) -> str:
    return "forward" if seconds > 0 else "back"
