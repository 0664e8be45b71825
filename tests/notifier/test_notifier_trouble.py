"""Operators are told of each trouble once, and once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.trouble import (
    FailingChannel,
    Observation,
    Progress,
    StallClock,
    Standing,
    Trouble,
    transitions,
    troubles,
)
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
