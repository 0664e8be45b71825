"""Who is told of what, as what, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.notifier.config import Subscription
from services.notifier.match import match
from services.notifier.route import LastHour, Pace, Silence, Tell, Told, decide, pace
from services.notifier.snapshot import Snapshot
from shared.events import AlertReason, Arrival, Certainty, Status, Victim
from tests.notifier.alert_samples import LONG_AGO, NOW, alert, facts, subscription

GERMAN = facts(victims=(Victim(name="Klinikum Nordtal", place="Nordtal", country="DE"),))
NOWHERE = facts(victims=(Victim(name="Saint Mary Hospital"),))
SUPPLIED = facts(victims=(), suppliers=("Acme Labs GmbH",))


@pytest.mark.parametrize(
    ("wanted", "changes", "matches", "reason"),
    [
        ({}, {}, True, "level 4 (critical) meets the minimum of 2"),
        ({"minimum_level": 5}, {}, False, "below this subscription's minimum of 5"),
        ({"minimum_level": 1}, {"level": 0}, False, "level 0"),
        ({"countries": ("FR", "BE")}, {}, True, "meets"),
        ({"countries": ("FR",)}, {"facts": GERMAN}, False, "it is in DE, not in FR"),
        ({"countries": ("FR",)}, {"facts": NOWHERE}, False, "not known yet"),
        ({}, {"facts": NOWHERE}, True, "meets"),
        ({"watch": ("Acme Labs",), "countries": ("FR",)}, {"facts": SUPPLIED, "level": 1}, True, "watch-list"),
        ({"watch": ("centre  HOSPITALIER de valmont",), "minimum_level": 5}, {}, True, "watch-list"),
        ({"watch": ("Klinikum Nordtäl",)}, {"facts": GERMAN, "level": 1}, True, "watch-list"),
        ({"watch": ("Acme",)}, {"facts": facts(suppliers=("Acmet",)), "level": 1}, False, "below"),
        ({"watch": ("Valmont Santé", "--")}, {"level": 1}, False, "below"),
        ({"watch": ("协和医院",)}, {"facts": facts(suppliers=("北京协和医院",)), "level": 1}, True, "watch-list"),
        ({}, {"kind": "outage", "level": 3}, False, "below this subscription's minimum of 4"),
        ({}, {"kind": "outage", "level": 4}, True, "cause unknown"),
        ({"outages": None}, {"kind": "outage", "level": 5}, False, "asked for none"),
        ({"outages": 2, "minimum_level": 4}, {"kind": "outage", "level": 2}, True, "meets the minimum of 2"),
    ],
)
def test_a_subscription_gets_what_it_asked_for(
    wanted: dict[str, Any], changes: dict[str, Any], matches: bool, reason: str
) -> None:
    """Compare each filter with each kind of alert."""
    found = match(alert(**changes), subscription(**wanted))
    assert (found.matches, reason in found.reason) == (matches, True), found


def _told(version: int = 1, waiting: Pace | None = None, **changes: Any) -> Told:
    return Told(Snapshot.of(alert(version=version, **changes)), waiting)


@pytest.mark.parametrize(
    ("told", "changes", "tell", "reason"),
    [
        (None, {}, Tell.OPENING, "meets"),
        (None, {"version": 7, "reason": AlertReason.UPDATED}, Tell.OPENING, "meets"),
        (None, {"level": 1}, Tell.NONE, "below"),
        (None, {"silent": True}, Tell.NONE, "older than seven days"),
        (None, {"reason": AlertReason.RETRACTED, "version": 2}, Tell.NONE, "was not told of it"),
        (None, {"reason": AlertReason.CLOSED, "version": 2}, Tell.NONE, "was not told of it"),
        (_told(), {}, Tell.NONE, "told already"),
        (_told(3), {"version": 2}, Tell.NONE, "a later one was told"),
        (_told(level=3), {"version": 2}, Tell.UPDATE, "level rises from 3 (high) to 4 (critical)"),
        (_told(level=2), {"version": 9, "reason": AlertReason.UPDATED}, Tell.UPDATE, "level rises"),
        (_told(kind="outage"), {"version": 2}, Tell.UPDATE, "known to be an attack"),
        (_told(), {"version": 2, "facts": facts(certainty=Certainty.CONFIRMED)}, Tell.UPDATE, "now confirmed"),
        (_told(), {"version": 2, "reason": AlertReason.CORRECTED, "level": 1}, Tell.UPDATE, "a correction"),
        (_told(), {"version": 2, "reason": AlertReason.RETRACTED}, Tell.RETRACTION, "was told of it"),
        (_told(reason=AlertReason.RETRACTED), {"version": 2, "reason": AlertReason.RETRACTED}, Tell.NONE, "not told"),
        (_told(reason=AlertReason.RETRACTED), {"version": 2}, Tell.OPENING, "meets"),
        (_told(), {"version": 2, "level": 3}, Tell.UPDATE, "level falls"),
        (_told(), {"version": 2, "reason": AlertReason.CLOSED}, Tell.UPDATE, "closed"),
        (_told(), {"version": 2, "facts": facts(data="published")}, Tell.UPDATE, "data: published"),
        (_told(), {"version": 2, "facts": facts(status=Status.RESTORED)}, Tell.UPDATE, "status: restored"),
        (_told(), {"version": 2, "facts": facts(victims=(*facts().victims, *GERMAN.victims))}, Tell.UPDATE, "named"),
        (_told(), {"version": 2, "sources": alert().sources * 2}, Tell.NONE, "small facts only"),
        (_told(sources=()), {"version": 2}, Tell.NONE, "2 more sources"),
        (_told(), {"version": 2, "facts": facts(attacker="some gang")}, Tell.NONE, "attacker named"),
    ],
)
def test_the_table_of_when_people_are_told(told: Told | None, changes: dict[str, Any], tell: Tell, reason: str) -> None:
    """Go through the table line by line."""
    decision = decide(alert(**changes), subscription(), told, LONG_AGO)
    assert (decision.tell, reason in decision.reason) == (tell, True), decision


QUIET = Silence(4, NOW + timedelta(hours=8), "we know")


@pytest.mark.parametrize(
    ("told", "changes", "tell"),
    [
        (None, {}, Tell.NONE),
        (_told(level=3), {"version": 2}, Tell.NONE),
        (_told(), {"version": 2, "facts": facts(certainty=Certainty.CONFIRMED)}, Tell.NONE),
        (_told(), {"version": 2, "facts": facts(data="published")}, Tell.NONE),
        (_told(), {"version": 2, "reason": AlertReason.CORRECTED, "level": 3}, Tell.NONE),
        (None, {"level": 5}, Tell.OPENING),
        (_told(), {"version": 2, "level": 5}, Tell.UPDATE),
        (_told(), {"version": 2, "reason": AlertReason.RETRACTED}, Tell.RETRACTION),
        (None, {"version": 2, "reason": AlertReason.RETRACTED}, Tell.NONE),
        (_told(kind="outage"), {"version": 2, "kind": "outage", "reason": AlertReason.CLOSED}, Tell.UPDATE),
        (_told(), {"version": 2, "reason": AlertReason.CORRECTED, "level": 0}, Tell.UPDATE),
    ],
)
def test_a_silence_holds_until_the_level_rises_or_what_was_told_does_not_hold(
    told: Told | None, changes: dict[str, Any], tell: Tell
) -> None:
    """Also for one who was told less than what the incident stood at; the reason begins with the silence."""
    decision = decide(alert(**changes), subscription(), told, LONG_AGO, silence=QUIET)
    assert decision.tell is tell, decision
    if tell is Tell.NONE and changes.get("reason") is not AlertReason.RETRACTED:
        assert decision.reason.startswith(f"silenced at level 4 until {QUIET.until:%Y-%m-%d %H:%M} UTC (we know); else")


def test_a_silence_says_nothing_of_what_would_not_be_told_anyway() -> None:
    """A filter's reason stays the filter's."""
    decision = decide(alert(level=1), subscription(), None, LONG_AGO, silence=QUIET)
    assert decision.reason.startswith("level 1 (low) is below")


def test_a_new_subscription_starts_from_the_next_version() -> None:
    """Leave out a version from before the subscription, and tell the next one as an opening."""
    since = NOW + timedelta(minutes=1, seconds=30)
    first = decide(alert(version=1), subscription(), None, since)
    second = decide(alert(version=2), subscription(), None, since)
    assert (first.tell, second.tell) == (Tell.NONE, Tell.OPENING)
    assert "older than the subscription" in first.reason


def test_an_update_compares_with_what_this_subscription_was_told_and_not_with_the_version_before() -> None:
    """Name both changes to one who missed a version between."""
    confirmed = facts(certainty=Certainty.CONFIRMED)
    decision = decide(alert(version=3, facts=confirmed), subscription(), _told(1, level=3), LONG_AGO)
    assert [one.words for one in decision.news if one.weight == "urgent"] == [
        "level rises from 3 (high) to 4 (critical)",
        "now confirmed by the victim or an authority (was: reported)",
    ]


@pytest.mark.parametrize(
    ("tell", "changes", "told", "hour", "expected"),
    [
        (Tell.OPENING, {}, None, LastHour(), Pace.NOW),
        (Tell.OPENING, {}, None, LastHour(9, 4), Pace.NOW),
        (Tell.OPENING, {}, None, LastHour(10, 4), Pace.FOLDED),
        (Tell.OPENING, {}, None, LastHour(10, 3), Pace.NOW),
        (Tell.OPENING, {"level": 3}, None, LastHour(10, 1), Pace.FOLDED),
        (Tell.OPENING, {"level": 5}, None, LastHour(11, 5), Pace.FOLDED),
        (Tell.RETRACTION, {}, None, LastHour(99, 5), Pace.NOW),
        (Tell.RETRACTION, {}, _told(waiting=Pace.FOLDED), LastHour(), Pace.FOLDED),
        (Tell.UPDATE, {}, _told(waiting=Pace.COLLECTED), LastHour(), Pace.COLLECTED),
        (Tell.OPENING, {"arrival": Arrival.FIRST_CONTACT}, None, LastHour(), Pace.COLLECTED),
        (Tell.OPENING, {"arrival": Arrival.CATCH_UP}, None, LastHour(), Pace.COLLECTED),
        (Tell.UPDATE, {"arrival": Arrival.CATCH_UP}, _told(), LastHour(), Pace.COLLECTED),
    ],
)
def test_nobody_gets_a_storm(
    tell: Tell, changes: dict[str, Any], told: Told | None, hour: LastHour, expected: Pace
) -> None:
    """Fold past the hourly limit, collect backlogs, keep an incident's order."""
    decision = decide(alert(**changes), subscription(), None, LONG_AGO)
    decision = type(decision)(tell, decision.reason)
    found, reason = pace(decision, alert(**changes), subscription(hourly_limit=10), told, hour, NOW)
    assert found is expected, reason
    assert bool(reason) == (expected is not Pace.NOW or (hour.messages >= 10 and tell is not Tell.RETRACTION))


def test_a_storm_breaks_through_the_limit_twice_an_hour_at_most() -> None:
    """Let a hundred alerts of rising and falling levels come, and count what goes out at once."""
    wanted: Subscription = subscription(hourly_limit=5)
    hour, at_once = LastHour(), 0
    for number in range(100):
        one = alert(number, level=1 + number % 5)
        decision = decide(one, wanted, None, LONG_AGO)
        if decision.tell is Tell.OPENING and pace(decision, one, wanted, None, hour, NOW)[0] is Pace.NOW:
            hour, at_once = LastHour(hour.messages + 1, max(hour.gravest, one.level)), at_once + 1
    assert at_once <= 7
