"""Decide who is told of an alert, as what, and why: the table "When people are told". Pure.

What a subscription was last told of the incident (`Told`) decides between opening and update.
A version that brings only small facts waits for the digest; without one it is recorded and not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.notifier.config import Subscription
from services.notifier.match import match
from services.notifier.snapshot import Difference, Snapshot, differences
from shared.events import Alert, AlertReason, Arrival, Status
from shared.signals import MEANINGS, Axis, Signal

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
    HELD = "held"
    DIGEST = "digest"


class Wakes(StrEnum):
    """Whether it is told through quiet hours."""

    YES = "yes"
    NO = "no"
    WHO_WAS_WOKEN = "who was woken"
    """Only where a message on this incident went out in quiet hours, not long ago."""
    DIGEST = "digest"
    """It is told in the digest, at whatever hour that comes."""


WOKEN_WITHIN = timedelta(hours=12)


@dataclass(frozen=True)
class Told:
    """What one subscription was last told of one incident; `waiting` while that waits, and in which way.

    `lately` are the moments within `WOKEN_WITHIN` at which something of it went out at once; they are only known
    for a subscription with quiet hours.
    """

    snapshot: Snapshot
    waiting: Pace | None = None
    lately: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Silence:
    """A person's wish to hear no more of an incident that stood at `level`, until a moment or for good."""

    level: int
    until: datetime | None = None
    because: str = ""

    def words(self) -> str:
        """Say it as the reason of a decision begins."""
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"silenced at level {self.level}{until}" + (f" ({self.because})" if self.because else "")


@dataclass(frozen=True)
class Decision:
    """The answer with its reason in words; `news` is what differs from what was told."""

    tell: Tell
    reason: str
    news: tuple[Difference, ...] = ()
    wakes: Wakes = Wakes.YES


def decide(
    alert: Alert,
    subscription: Subscription,
    told: Told | None,
    since: datetime,
    *,
    newest: int = 0,
    silence: Silence | None = None,
) -> Decision:
    """Decide what `subscription`, which exists since `since`, is told of `alert`.

    1. A version that is not newer than what was told: nothing. It was delivered twice, or late.
    2. A retraction: to those who were told, and to nobody else.
    3. Not told yet: the first version that matches, whichever fact made it match, unless it opened
       silently (old news) or stems from before the subscription.
    4. Told: at once where it is graver, confirmed, corrected or an attack after all; to those who
       were told also where it gets better, or more hospitals or data are named; else the digest.
    5. Whatever that would be: nothing where a `silence` is in force, unless it is broken.
    """
    decision = _decide(alert, subscription, told, since, newest)
    if decision.tell is Tell.NONE or silence is None or breaks(alert, silence):
        return decision
    return Decision(Tell.NONE, f"{silence.words()}; else: {decision.reason}", decision.news)


def breaks(alert: Alert, silence: Silence) -> str:
    """Say why `alert` is told through a silence, or nothing: it is graver, or what was told does not hold.

    A silence that is broken is over.
    """
    if alert.level > silence.level:
        return f"its level rose from {silence.level} to {alert.level}"
    if alert.reason in {AlertReason.RETRACTED, AlertReason.CLOSED} or alert.level == 0:
        return f"it was {alert.reason.value}"
    return ""


def _decide(alert: Alert, subscription: Subscription, told: Told | None, since: datetime, newest: int) -> Decision:
    if alert.version < newest:
        # A dead letter that was replayed, say: what it tells may have been retracted since.
        return Decision(Tell.NONE, f"version {newest} of this incident was decided already")
    if told and alert.version <= told.snapshot.version:
        return Decision(Tell.NONE, f"version {told.snapshot.version} or a later one was told already")
    if alert.reason is AlertReason.RETRACTED:
        if told and not told.snapshot.retracted:
            words = "retracted, and this subscription was told of it"
            return Decision(Tell.RETRACTION, words, wakes=Wakes.WHO_WAS_WOKEN)
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
    if late_disclosure(alert):
        digest = subscription.digest is not None and not found.watched
        return Decision(Tell.OPENING, f"{found.reason}; a late disclosure", wakes=Wakes.DIGEST if digest else Wakes.NO)
    return Decision(Tell.OPENING, found.reason)


def late_disclosure(alert: Alert) -> bool:
    """Say whether it tells of data alone, and of an attack that is over."""
    signals = {signal.value: signal for signal in Signal}
    axes = {MEANINGS[signals[cited.signal]].axis for cited in alert.evidence if cited.signal in signals}
    over = alert.facts.status in {Status.PAST, Status.RESTORED}
    return over and alert.facts.data in {"stolen", "published"} and Axis.CARE not in axes


def _update(alert: Alert, subscription: Subscription, told: Told) -> Decision:
    news = tuple(differences(told.snapshot, Snapshot.of(alert)))
    found = match(alert, subscription)
    if alert.reason is AlertReason.CORRECTED:
        # Also where it no longer matches: who was told something wrong hears what is right.
        return Decision(Tell.UPDATE, "a correction of what this subscription was told", news)
    if alert.reason is AlertReason.CLOSED:
        return Decision(Tell.UPDATE, "closed, and this subscription was told of it", news, Wakes.WHO_WAS_WOKEN)
    urgent = [one.words for one in news if one.weight == "urgent"]
    if urgent and found.matches:
        return Decision(Tell.UPDATE, urgent[0], news)
    worth = [one.words for one in news if one.weight in {"urgent", "worth"}]
    if worth:
        return Decision(Tell.UPDATE, f"{worth[0]}; this subscription was told of the incident", news, Wakes.NO)
    small = "; ".join(one.words for one in news) or "nothing that a reader would see"
    if subscription.digest and any(one.weight == "small" for one in news):
        return Decision(Tell.UPDATE, f"small facts only: {small}"[:500], news, Wakes.DIGEST)
    return Decision(Tell.NONE, f"small facts only: {small}"[:500], news)


@dataclass(frozen=True)
class LastHour:
    """What a subscription was sent in the last hour."""

    messages: int = 0
    gravest: int = 0


def pace(
    decision: Decision,
    alert: Alert,
    subscription: Subscription,
    told: Told | None,
    hour: LastHour,
    now: datetime,
) -> tuple[Pace, str]:
    """Decide when a message goes out.

    1. What belongs to an incident that still waits in a fold waits with it: order is kept.
    2. Small news waits for the digest, and in quiet hours what can wait until they end. What goes out before takes
       along what waits of its incident.
    3. A retraction goes at once; there is at most one for each message that was sent.
    4. A backlog (first contact with a feed, catch-up after a stop) becomes one summary.
    5. Past the hourly limit it is folded, unless it is critical and graver than all of that hour:
       such exceptions are two an hour at most (level 4, then level 5).
    """
    if told and told.waiting in {Pace.FOLDED, Pace.COLLECTED}:
        return told.waiting, "an earlier message on this incident still waits, and order is kept"
    if decision.wakes is Wakes.DIGEST and subscription.digest:
        if told and told.waiting is Pace.HELD:
            return Pace.HELD, "it waits with what is held for quiet hours"
        return Pace.DIGEST, f"for the digest, daily at {subscription.digest.at} {subscription.digest.timezone}"
    if reason := _held(decision, alert, subscription, told, now):
        return Pace.HELD, reason
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


def _held(decision: Decision, alert: Alert, subscription: Subscription, told: Told | None, now: datetime) -> str:
    """Say why it is held until the quiet hours end, or nothing."""
    quiet = subscription.quiet_hours
    if quiet is None or not quiet.holds(now) or decision.wakes is Wakes.YES:
        return ""
    if quiet.except_level is not None and alert.level >= quiet.except_level:
        return ""
    woken = told is not None and any(quiet.holds(at) and now - at <= WOKEN_WITHIN for at in told.lately)
    if decision.wakes is Wakes.WHO_WAS_WOKEN and woken:
        return ""
    return f"quiet hours: held until {quiet.end} {quiet.timezone}"
