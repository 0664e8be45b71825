"""`codegrey trace`: each point of the road with its time, and the slowest step by name."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.launcher.diagnose.timeline import Moment, seconds_words, slowest, timeline
from services.launcher.diagnose.trace import lines, trace
from services.notifier.config import Subscription
from services.notifier.metrics import note_accepted
from services.tracker.retract import retract
from shared.errors import Permanent
from shared.metrics import STEP_SECONDS, StepTime
from tests.launcher.pipeline import ARTICLE, BEFORE_ANYBODY, Pipeline

NOW = datetime(2026, 11, 25, 1, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_what_is_not_known_is_left_out_and_no_step_takes_less_than_nothing() -> None:
    """Clocks of two machines differ by a little."""
    passed = timeline([Moment("a", _at(0)), Moment("b", None), Moment("c", _at(2)), Moment("d", _at(1.5))])
    assert [(one.step, one.took_s, one.since) for one in passed] == [
        ("a", None, None),
        ("c", 2.0, "a"),
        ("d", 0.0, "c"),
    ]


def test_the_slowest_step_is_named_and_the_slowest_of_our_own() -> None:
    """How long the publisher's news waited to be seen is a matter of how often its feed is read."""
    passed = timeline([Moment("published", _at(0)), Moment("seen", _at(600)), Moment("judged", _at(603))])
    worst, own = slowest(passed), slowest(passed, ours=True)
    assert worst
    assert (worst.since, worst.step, worst.took_s, worst.of_s) == ("published", "seen", 600.0, 603.0)
    assert own
    assert (own.since, own.step, own.took_s, own.of_s) == ("seen", "judged", 3.0, 3.0)
    assert slowest(passed[:1]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0123, "0.012 s"), (1.26, "1.3 s"), (75, "75 s"), (150, "2.5 min"), (9000, "2.5 h"), (216000, "2.5 d")],
)
def test_times_are_written_so_that_their_size_is_seen(seconds: float, words: str) -> None:
    """In the unit that fits."""
    assert seconds_words(seconds) == words


def test_a_step_of_the_histogram_is_never_negative_and_needs_both_moments() -> None:
    """An alert's clock may be ahead of ours."""
    step = StepTime("tried")
    step.note(_at(5), _at(0))
    step.note(None, _at(0))
    step.note(_at(0), None)
    found = {one.name: one.value for metric in STEP_SECONDS.labels("tried").collect() for one in metric.samples}
    assert found["codegrey_step_seconds_sum"] == 0
    assert found["codegrey_step_seconds_count"] == 1


@pytest.mark.servers
async def test_the_whole_road_has_a_time_for_each_point(road: Pipeline) -> None:
    """By address, by incident and by alert it is the same road."""
    await road.all()
    (item,) = await trace(road.engine, ARTICLE)
    assert [one.step for one in item.steps] == BEFORE_ANYBODY
    (target,) = item.targets
    assert (target.subscription, target.state) == ("duty", "sent")
    assert target.target
    assert [one.step for one in target.steps] == ["sent", "accepted"]
    whole = [*item.steps, *target.steps]
    assert all(one.took_s is not None and one.took_s >= 0 for one in whole[1:])
    assert whole[0].at <= whole[1].at <= whole[5].at <= whole[7].at <= whole[8].at <= whole[9].at
    assert target.slowest
    assert (target.slowest.since, target.slowest.step) == ("published", "seen")
    assert 1790 <= target.slowest.took_s <= 1860
    assert target.slowest_of_ours
    assert target.slowest_of_ours.took_s < 60
    assert target.total_s
    assert target.total_s >= 1790
    assert item.incident
    assert item.alert
    assert await trace(road.engine, item.incident[:12]) == [item]
    assert await trace(road.engine, item.alert[:12]) == [item]
    drawn = "\n".join(lines(item))
    for word in (*BEFORE_ANYBODY, "accepted", "slowest: published to seen", "of our own: "):
        assert word in drawn


@pytest.mark.servers
async def test_a_road_ends_where_the_item_is(road: Pipeline) -> None:
    """Seen, judged, merged: what comes later has no time yet."""
    with pytest.raises(Permanent, match="never seen"):
        await trace(road.engine, ARTICLE)
    with pytest.raises(Permanent, match="no alert or incident"):
        await trace(road.engine, "0123456789")
    await road.see()
    (item,) = await trace(road.engine, ARTICLE)
    assert ([one.step for one in item.steps], item.targets) == (["published", "seen"], [])
    await road.judge()
    (item,) = await trace(road.engine, ARTICLE)
    assert [one.step for one in item.steps] == ["published", "seen", "in codegrey.news"]
    assert "no report" in item.outcome
    await road.merge()
    (item,) = await trace(road.engine, ARTICLE)
    assert [one.step for one in item.steps] == BEFORE_ANYBODY[:6]
    assert item.outcome == "merged; not matched yet"


@pytest.mark.servers
async def test_each_target_has_its_own_end_and_who_is_not_told_has_a_reason(road: Pipeline) -> None:
    """One subscription is told, another is not."""
    road.wanted = [
        Subscription(name="duty", channels=("mail",)),
        Subscription(name="grave", channels=("mail",), minimum_level=5),
    ]
    await road.all()
    (item,) = await trace(road.engine, ARTICLE)
    assert [(one.subscription, one.state) for one in item.targets] == [("duty", "sent"), ("grave", "not told")]
    assert "below this subscription's minimum" in item.targets[1].reason


@pytest.mark.servers
async def test_a_message_that_waited_in_a_fold_shows_how_long(road: Pipeline) -> None:
    """The wait is a step of its own."""
    road.wanted = [Subscription(name="duty", channels=("mail",), hourly_limit=1)]
    await road.all()
    road.reports.clear()
    other = "https://news.example.co.uk/ostheim"
    await road.see(
        other,
        "Cyberattack on Ostheim District Clinic: emergency department closed",
        "Ransomware hit Ostheim District Clinic. The emergency department is closed, ambulances are diverted.",
    )
    await road.judge()
    await road.merge()
    await road.match()
    (item,) = await trace(road.engine, other)
    assert [(one.state, one.target) for one in item.targets] == [("waits in a list", None)]
    async with road.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.delivery SET created_at = created_at - interval '2 hours'"))
    await road.send()
    (item,) = await trace(road.engine, other)
    assert [one.step for one in item.targets[0].steps] == ["queued", "sent", "accepted"]
    assert item.targets[0].steps[0].detail == "folded, as one message"


@pytest.mark.servers
async def test_what_a_person_brought_begins_with_its_version(road: Pipeline) -> None:
    """A retraction has no article behind it."""
    await road.all()
    (opened,) = await trace(road.engine, ARTICLE)
    assert opened.incident
    await retract(road.engine, opened.incident, "the hospital denies it")
    await road.match()
    await road.send()
    (first, second) = await trace(road.engine, opened.incident)
    assert first == opened
    assert [one.step for one in second.steps] == ["merged", "in codegrey.alerts", "matched"]
    assert second.targets[0].state == "sent"


@pytest.mark.servers
async def test_the_histograms_count_each_step_once(road: Pipeline) -> None:
    """From the publisher to the target."""

    def counted() -> dict[str, float]:
        (metric,) = STEP_SECONDS.collect()
        return {one.labels["step"]: one.value for one in metric.samples if one.name.endswith("_count")}

    before = counted()
    await road.all()
    await asyncio.sleep(0)
    after = counted()
    grown = {step for step, count in after.items() if count > before.get(step, 0)}
    # What the classifier counts is counted by its handler, which needs a Kafka; see tests/road.
    assert grown == {
        "judged_to_merged",
        "merged_to_matched",
        "matched_to_accepted",
        "seen_to_accepted",
        "publisher_to_accepted",
    }


def test_operators_notices_have_no_road_behind_them() -> None:
    """Nor has a test that somebody sent."""
    before = _accepted()
    row = {"created_at": _at(0), "item_seen_at": _at(-2), "item_published_at": None, "subscription": "duty"}
    for purpose in ("operators", "test"):
        note_accepted(row | {"purpose": purpose}, _at(1))
    assert _accepted() == before
    note_accepted(row | {"purpose": "opening"}, _at(1))
    grown = {step: count - before[step] for step, count in _accepted().items()}
    assert grown == {"matched_to_accepted": 1, "seen_to_accepted": 1, "publisher_to_accepted": 0}


def _accepted() -> dict[str, float]:
    (metric,) = STEP_SECONDS.collect()
    counts = {one.labels["step"]: one.value for one in metric.samples if one.name.endswith("_count")}
    return {step: count for step, count in counts.items() if step.endswith("_to_accepted")}
