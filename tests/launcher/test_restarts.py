"""A part that keeps ending is a trouble; one that ends now and then is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.launcher.processes import restarts as restarts_module
from services.launcher.processes.backoff import Backoff
from services.launcher.processes.keep import keep
from services.launcher.processes.restarts import MANY, STEADY_S, Restarts
from services.launcher.terminal import Terminal
from tests.waiting import wait_until

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lives", "told"),
    [
        ([], False),
        ([1.0] * (MANY - 1), False),
        ([1.0] * MANY, True),
        ([STEADY_S - 1] * MANY, True),
        ([STEADY_S] * 99, False),
        ([1.0] * MANY + [STEADY_S], False),
        ([1.0, 1.0, STEADY_S] * 9, False),
    ],
)
def test_it_is_told_where_it_never_ran_steadily_in_between(lives: list[float], told: bool) -> None:
    """Count ends in a row, however long each life was, until one was long enough."""
    ended, now = Restarts(), NOON
    for lived in lives:
        now += timedelta(seconds=lived)
        ended = ended.after(lived, "ended with status 1", now)
    assert bool(ended.troubles("classifier", now)) is told


def test_the_trouble_says_how_often_and_with_what_last_words() -> None:
    """And since when; the title stays the same, so that its end is recognised."""
    ended = Restarts()
    for number in range(MANY):
        ended = ended.after(30.0, f"ended with status 1: reason {number}", NOON + timedelta(seconds=45 * number))
    (told,) = ended.troubles("classifier", NOON + timedelta(minutes=3))
    assert (told.key, told.title, told.since) == ("restarts:classifier", "classifier keeps ending", NOON)
    assert "It has ended 5 times in 3 minutes" in told.advice
    assert "The last time it ended with status 1: reason 4" in told.advice


class Flighty:
    """A part that ends as soon as it was started, until it is told to stay."""

    name = "flighty"

    def __init__(self) -> None:
        self.ends = asyncio.Event()
        self.ends.set()

    async def start(self) -> None:
        """Start."""

    async def wait(self) -> int:
        """End, or stay."""
        await self.ends.wait()
        return 1

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Stop."""

    def last_words(self) -> str:
        """Return why."""
        return "no such file"


async def test_whoever_keeps_it_reports_it_and_takes_it_back_when_it_stays_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reported from the fifth end on, again when it is steady; what an earlier run said is taken back at the start."""
    monkeypatch.setattr(restarts_module, "STEADY_S", 0.2)
    monkeypatch.setattr(Backoff, "after", lambda self, _lived, _healthy: (0.0, self))
    part, reports = Flighty(), []
    keeping = asyncio.create_task(
        keep(
            part,
            Terminal(),
            healthy_s=0.0,
            serves=lambda: None,
            give_up=lambda _status: False,
            report=lambda troubles: reports.append([one.title for one in troubles]),
        )
    )
    await wait_until(lambda: ["flighty keeps ending"] in reports)
    part.ends.clear()
    await wait_until(lambda: reports[-1] == [])
    assert reports[0] == []
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
