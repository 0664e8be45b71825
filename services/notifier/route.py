"""Decide who is told of an alert, as what, and why: the table "When people are told". Pure.

What a subscription was last told of the incident (`Told`) decides between opening and update.
A version that brings only small facts is recorded and not sent: it waits for the digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.config import Subscription
from services.notifier.match import match
from services.notifier.snapshot import Difference, Snapshot, differences
from shared.events import Alert, AlertReason, Arrival

ALWAYS_AT_ONCE = 4
"""From this level on, what is graver than all that was told in the last hour passes the hourly limit."""


class Tell(StrEnum):
    """What becomes of one alert for one subscription."""

    OPENING = "opening"
    UPDATE = "update"
    RETRACTION = "retraction"
    NONE = "none"


class Pace(StrEnum):
    """When it is told."""

    NOW = "now"
    FOLDED = "folded"
    COLLECTED = "collected"


@dataclass(frozen=True)
class Told:
    """What one subscription was last told of one incident; `waiting` while that waits, and in which way."""

    snapshot: Snapshot
    waiting: Pace | None = None


@dataclass(frozen=True)
class Decision:
    """The answer with its reason in words; `news` is what differs from what was told."""

    tell: Tell
    reason: str
    news: tuple[Difference, ...] = ()


def decide(
    alert: Alert, subscription: Subscription, told: Told | None, since: datetime, *, newest: int = 0
) -> Decision:
    """Decide what `subscription`, which exists since `since`, is told of `alert`.

    1. A version that is not newer than what was told: nothing. It was delivered twice, or late.
    2. A retraction: to those who were told, and to nobody else.
    3. Not told yet: the first version that matches, whichever fact made it match, unless it opened
       silently (old news) or stems from before the subscription.
    4. Told: at once where it is graver, confirmed, corrected or an attack after all; to those who
       were told also where it gets better, or more hospitals or data are named; else the digest.
    """
    if alert.version < newest:
        # A dead letter that was replayed, say: what it tells may have been retracted since.
        return Decision(Tell.NONE, f"version {newest} of this incident was decided already")
    if told and alert.version <= told.snapshot.version:
        return Decision(Tell.NONE, f"version {told.snapshot.version} or a later one was told already")
    if alert.reason is AlertReason.RETRACTED:
        if told and not told.snapshot.retracted:
            return Decision(Tell.RETRACTION, "retracted, and this subscription was told of it")
        return Decision(Tell.NONE, "retracted, and this subscription was not told of it")
    if told is None or told.snapshot.retracted:
        return _opening(alert, subscription, since)
    return _update(alert, subscription, told)


def _opening(alert: Alert, subscription: Subscription, since: datetime) -> Decision:
    if alert.reason is AlertReason.CLOSED:
        return Decision(Tell.NONE, "closed, and this subscription was not told of it")
    found = match(alert, subscription)
    if not found.matches:
        return Decision(Tell.NONE, found.reason)
    if alert.silent:
        return Decision(Tell.NONE, "opened silently: the news was older than seven days")
    if alert.created_at < since:
        return Decision(Tell.NONE, "this version is older than the subscription, which starts from the next one")
    return Decision(Tell.OPENING, found.reason)


def _update(alert: Alert, subscription: Subscription, told: Told) -> Decision:
    news = tuple(differences(told.snapshot, Snapshot.of(alert)))
    found = match(alert, subscription)
    if alert.reason is AlertReason.CORRECTED:
        # Also where it no longer matches: who was told something wrong hears what is right.
        return Decision(Tell.UPDATE, "a correction of what this subscription was told", news)
    if alert.reason is AlertReason.CLOSED:
        return Decision(Tell.UPDATE, "closed, and this subscription was told of it", news)
    urgent = [one.words for one in news if one.weight == "urgent"]
    if urgent and found.matches:
        return Decision(Tell.UPDATE, urgent[0], news)
    worth = [one.words for one in news if one.weight in {"urgent", "worth"}]
    if worth:
        return Decision(Tell.UPDATE, f"{worth[0]}; this subscription was told of the incident", news)
    small = "; ".join(one.words for one in news) or "nothing that a reader would see"
    return Decision(Tell.NONE, f"small facts only, for the digest: {small}"[:500], news)


@dataclass(frozen=True)
class LastHour:
    """What a subscription was sent in the last hour."""

    messages: int = 0
    gravest: int = 0


def pace(
    decision: Decision, alert: Alert, subscription: Subscription, told: Told | None, hour: LastHour
) -> tuple[Pace, str]:
    """Decide when a message goes out.

    1. What belongs to an incident that still waits in a fold waits with it: order is kept.
    2. A retraction goes at once; there is at most one for each message that was sent.
    3. A backlog (first contact with a feed, catch-up after a stop) becomes one summary.
    4. Past the hourly limit it is folded, unless it is critical and graver than all of that hour:
       such exceptions are two an hour at most (level 4, then level 5).
    """
    if told and told.waiting:
        return told.waiting, "an earlier message on this incident still waits, and order is kept"
    if decision.tell is Tell.RETRACTION:
        return Pace.NOW, ""
    if alert.arrival is not Arrival.LIVE:
        backlog = "first contact with a feed" if alert.arrival is Arrival.FIRST_CONTACT else "catch-up after a stop"
        return Pace.COLLECTED, f"{backlog}: collected into one summary"
    if hour.messages < subscription.hourly_limit:
        return Pace.NOW, ""
    if alert.level >= ALWAYS_AT_ONCE and alert.level > hour.gravest:
        return Pace.NOW, f"past the limit of {subscription.hourly_limit} an hour, but graver than all of that hour"
    return Pace.FOLDED, f"past the limit of {subscription.hourly_limit} messages an hour: folded into one"
