"""Operators are told of each trouble once, and once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.trouble import (
    BEHIND_FROM,
    TREND_OVER_S,
    FailingChannel,
    LagTrend,
    Observation,
    Progress,
    StallClock,
    Standing,
    transitions,
    troubles,
)
from shared.trouble import Trouble
from tests.notifier.alert_samples import NOW

WELL = Observation(dead={"codegrey.news": 0}, paused={}, progress=(), stalled_s={}, failing=())
LAGGING = Progress("codegrey-tracker", "codegrey.reports", lag=5, position=10)


@pytest.mark.parametrize(
    ("seen", "keys"),
    [
        (WELL, []),
        (replace(WELL, dead={"codegrey.news": 2}), ["dead:codegrey.news"]),
        (replace(WELL, paused={"codegrey-tracker": "a flood"}), ["paused:codegrey-tracker"]),
        (replace(WELL, progress=(LAGGING,), stalled_s={"codegrey-tracker": 299.0}), []),
        (replace(WELL, progress=(LAGGING,), stalled_s={"codegrey-tracker": 301.0}), ["stalled:codegrey-tracker"]),
        (
            replace(
                WELL,
                progress=(LAGGING,),
                stalled_s={"codegrey-tracker": 999.0},
                paused={"codegrey-tracker": "a flood"},
            ),
            ["paused:codegrey-tracker"],
        ),
        (replace(WELL, progress=(replace(LAGGING, lag=0, below_start=3),)), ["below:codegrey-tracker"]),
        (replace(WELL, failing=(FailingChannel("chat", 2, 100.0, "x"),)), []),
        (replace(WELL, failing=(FailingChannel("chat", 2, 400.0, "x"),)), ["channel:chat"]),
        (replace(WELL, config_problem="line 3"), ["config"]),
        (replace(WELL, progress=(LAGGING,), growing=frozenset({"codegrey-tracker"})), ["behind:codegrey-tracker"]),
        (
            replace(
                WELL,
                progress=(LAGGING,),
                stalled_s={"codegrey-tracker": 301.0},
                growing=frozenset({"codegrey-tracker"}),
            ),
            ["stalled:codegrey-tracker"],
        ),
        (replace(WELL, reported=(Trouble("canary", "late", "look"),)), ["canary"]),
        (replace(WELL, reported=(Trouble("canary", "late", "look"),), disk="900 MB free"), ["disk"]),
    ],
)
def test_each_trouble_is_seen(seen: Observation, keys: list[str]) -> None:
    """Find exactly the troubles that are there."""
    assert [one.key for one in troubles(seen)] == keys


def test_a_trouble_is_told_once_and_once_when_it_is_over() -> None:
    """Walk one trouble from its start to its end."""
    wrong = Trouble("dead:codegrey.news", "2 messages", "look", measure=2)
    begun = transitions({}, [wrong], NOW)
    known = {wrong.key: Standing(wrong.key, wrong.title, wrong.measure, NOW)}
    assert begun.begun == (wrong,)
    assert transitions(known, [wrong], NOW + timedelta(days=1)) == transitions(known, [wrong], NOW)
    assert not transitions(known, [wrong], NOW).begun
    assert [one.key for one in transitions(known, [], NOW).over] == [wrong.key]


def test_what_nobody_looks_for_any_more_has_ended_without_being_mended() -> None:
    """Only where it stood and is not wrong: who removes a feed while it is told of has removed it."""
    known = {"feed:quiet:x": Standing("feed:quiet:x", "quiet", 1, NOW), "disk": Standing("disk", "full", 1, NOW)}
    ended = transitions(known, [], NOW, {"feed:quiet:x", "feed:quiet:never told"})
    assert [one.key for one in ended.unwatched] == ["feed:quiet:x"]
    assert [one.key for one in ended.over] == ["disk"]
    assert not transitions(known, [Trouble("feed:quiet:x", "quiet", "look")], NOW, {"feed:quiet:x"}).unwatched


def test_a_trouble_that_grows_is_told_again_but_not_within_the_hour() -> None:
    """A new dead letter is another alert that someone did not get."""
    known = {"dead:x": Standing("dead:x", "2 messages", 2, NOW)}
    grown = [Trouble("dead:x", "3 messages", "look", measure=3)]
    assert not transitions(known, grown, NOW + timedelta(minutes=59)).worse
    assert transitions(known, grown, NOW + timedelta(minutes=60)).worse


def test_a_group_has_stopped_only_while_it_lags_and_does_not_move() -> None:
    """Measure on a clock that is handed in."""
    clock = StallClock()
    assert clock.note([LAGGING], 0.0)["codegrey-tracker"] == 0
    assert clock.note([LAGGING], 100.0)["codegrey-tracker"] == 100
    assert clock.note([replace(LAGGING, position=11)], 200.0)["codegrey-tracker"] == 0
    assert clock.note([replace(LAGGING, position=11, lag=0)], 900.0)["codegrey-tracker"] == 0
    assert clock.note([replace(LAGGING, position=11, lag=1)], 910.0)["codegrey-tracker"] == 10


@pytest.mark.parametrize(
    ("lags", "behind"),
    [
        ([1_000, 2_000, 3_000, 4_000], True),
        ([1_000, 9_000, 9_000, 9_000], False),
        ([4_000, 3_000, 2_000, 1_000], False),
        ([10, 20, 30, 40], False),
        ([9_000, 0, 9_000, 0], False),
        ([1_000, 2_000, 3_000, 0], False),
    ],
)
def test_a_group_falls_behind_only_where_its_lag_never_comes_back(lags: list[int], behind: bool) -> None:
    """A burst that is worked off, however large, is no trouble."""
    trend = LagTrend()
    found: frozenset[str] = frozenset()
    for number, lag in enumerate(lags):
        for step in range(10):
            found = trend.note([replace(LAGGING, lag=lag)], (number * 10 + step) * TREND_OVER_S / 39)
    assert bool(found) is behind


def test_who_fell_behind_has_caught_up_only_when_the_lag_is_made_up_for() -> None:
    """Also for a notifier that has just started: it must not flutter."""
    known = {"behind:codegrey-tracker"}
    assert LagTrend().note([replace(LAGGING, lag=BEHIND_FROM)], 0.0, known)
    assert not LagTrend().note([replace(LAGGING, lag=BEHIND_FROM // 2 - 1)], 0.0, known)
