"""Most of many publishers' servers know what time it is."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from services.ingest.fetching.fetch import Fetched
from services.ingest.fetching.skew import FEWEST_HOSTS, Skew, offset_of

NOW = 1_790_000_000.0


def _answer(host: int, date: float, **headers: str) -> Fetched:
    url = f"https://news{host}.example/feed"
    return Fetched(url, url, 200, {"date": formatdate(date, usegmt=True), **headers})


@pytest.mark.parametrize(
    ("offsets", "told"),
    [
        ([300.0] * FEWEST_HOSTS, True),
        ([300.0] * (FEWEST_HOSTS - 1), False),
        ([0.0] * FEWEST_HOSTS, False),
        ([-200.0, -201.0, -202.0, -199.0, 0.0, -200.0], True),
        ([90_000.0, -4_000.0, 300.0, 7_000.0, -900.0], False),
        ([0.0, 0.0, 0.0, 900.0, 900.0], False),
    ],
)
async def test_only_many_hosts_that_agree_prove_our_clock_wrong(offsets: list[float], told: bool) -> None:
    """Few hosts, or hosts that contradict each other, prove nothing."""
    skew = Skew(lambda: NOW, lambda: 0.0, "desk")
    for host, offset in enumerate(offsets):
        skew.note(_answer(host, NOW + offset))
    assert [one.key for one in await skew.troubles()] == (["clock:most publishers' servers@desk"] if told else [])


async def test_what_was_said_an_hour_ago_does_not_count() -> None:
    """A mended clock is over after an hour at most, and mostly with the next polls."""
    moment = [0.0]
    skew = Skew(lambda: NOW, lambda: moment[0], "desk")
    for host in range(FEWEST_HOSTS):
        skew.note(_answer(host, NOW + 600))
    assert await skew.troubles()
    moment[0] = 3601.0
    assert not await skew.troubles()


def test_a_cached_answer_is_as_old_as_its_cache_says() -> None:
    """And a date that is none says nothing."""
    assert offset_of(formatdate(NOW - 500, usegmt=True), "500", NOW) == 0
    assert offset_of("yesterday", "", NOW) is None
