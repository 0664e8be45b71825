"""A clock that is wrong is told of: by its jumps, and by what others say."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SETTLED_AFTER_S, ClockLook, EvenClock, disagreement


class _Time:
    """A clock that can be set and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 50.0

    def passes(self, seconds: float, jump: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + jump

    def clock(self) -> EvenClock:
        return EvenClock(lambda: self.wall, lambda: self.steady, "desk")


@pytest.mark.parametrize(
    ("jump", "words"),
    [
        (3600.0 * 5, "the clock of desk jumped forward by 5 hours"),
        (-600.0, "the clock of desk jumped back by 10 minutes"),
        (31.0, "the clock of desk jumped forward by 31 seconds"),
        (29.0, None),
        (0.0, None),
    ],
)
def test_a_jump_is_told_until_the_clock_has_settled(jump: float, words: str | None) -> None:
    """A slow correction is none."""
    time = _Time()
    clock = time.clock()
    assert clock.trouble() is None
    time.passes(15, jump)
    found = clock.trouble()
    assert (found and found.title) == words
    time.passes(SETTLED_AFTER_S - 1)
    assert bool(clock.trouble()) == bool(words)
    time.passes(2)
    assert clock.trouble() is None


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (300.0, "the clock of desk is 5 minutes behind that of Kafka"),
        (-40.0, "the clock of desk is 40 seconds ahead of that of Kafka"),
        (12.0, None),
    ],
)
def test_clocks_that_disagree_are_told_of(offset: float, words: str | None) -> None:
    """Half a minute is what a healthy machine never reaches."""
    found = disagreement("desk", "Kafka", offset)
    assert (found and found.title) == words


@pytest.mark.servers
async def test_the_database_is_asked_for_the_time(engine: AsyncEngine) -> None:
    """A clock that was set before we started is seen by its disagreement alone."""
    wrong = EvenClock(now=lambda: 1_000_000_000.0, machine="desk")
    (found,) = await ClockLook(engine, lambda: None, wrong)()
    assert found.key == "clock:the database@desk"
    assert await ClockLook(engine, lambda: None)() == []
