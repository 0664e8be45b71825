"""Decide what operators are told of the system itself: each trouble once, and once when it is over. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.trouble import Trouble

STALLED_AFTER_S = 300.0
WORSE_AFTER = timedelta(hours=1)
"""A trouble that has grown is told again, but not more often than this."""
FAILING_AFTER_S = 300.0
BEHIND_FROM = 1_000
"""Records of lag below which it does not matter whether it grows; half of it ends the trouble."""
TREND_OVER_S = 900.0
"""A lag that is least in the first third of this time and most in the last is growing."""
EACH_ALONE = 3
"""More troubles than this at one moment are told in one message."""


def detail(trouble: Trouble) -> str:
    """Say what to do, and since when it is so."""
    since = f" Since {trouble.since:%Y-%m-%d %H:%M} UTC." if trouble.since else ""
    return f"{trouble.advice}{since}"


@dataclass(frozen=True)
class Standing:
    """A trouble that operators were told of and that was not over yet."""

    key: str
    title: str
    measure: int
    told_at: datetime


@dataclass(frozen=True)
class Progress:
    """How far a group is: records behind, the sum of its positions, records that it never saw."""

    group: str
    topic: str
    lag: int
    position: int
    below_start: int = 0


@dataclass(frozen=True)
class FailingChannel:
    """A channel whose oldest message has waited in vain for `since_s` seconds."""

    channel: str
    waiting: int
    since_s: float
    error: str


@dataclass(frozen=True)
class Observation:
    """What was seen at one moment; `stalled_s` is how long each group has not moved although it lags."""

    dead: Mapping[str, int]
    paused: Mapping[str, str]
    progress: Sequence[Progress]
    stalled_s: Mapping[str, float]
    failing: Sequence[FailingChannel]
    config_problem: str = ""
    growing: frozenset[str] = frozenset()
    disk: str = ""
    """What the supervisor says while the disk is nearly full."""
    reported: Sequence[Trouble] = ()
    """What services say of themselves, certificates, the canary."""
    unwatched: frozenset[str] = frozenset()
    """The keys of troubles whose subject is not looked at any more."""


def troubles(seen: Observation) -> list[Trouble]:
    """List what is wrong now."""
    found = [
        Trouble(
            f"dead:{topic}",
            f"{count} {'message' if count == 1 else 'messages'} of {topic} could not be read",
            "Each may be an alert that someone did not get. Look with `codegrey dead list`, mend, then "
            "`codegrey dead replay`.",
            count,
        )
        for topic, count in sorted(seen.dead.items())
        if count
    ]
    found += [
        Trouble(
            f"paused:{group}",
            f"consumer {group} is paused",
            f"{reason}. Look with `codegrey dead list`, then `codegrey dead resume {group}`.",
        )
        for group, reason in sorted(seen.paused.items())
    ]
    for one in seen.progress:
        stalled = seen.stalled_s.get(one.group, 0.0)
        if one.lag and stalled >= STALLED_AFTER_S and one.group not in seen.paused:
            found.append(
                Trouble(
                    f"stalled:{one.group}",
                    f"consumer {one.group} has stopped",
                    f"{one.lag} records of {one.topic} wait and none was taken for {stalled / 60:.0f} minutes. "
                    "See `codegrey status` and the log of that service.",
                )
            )
        elif one.group in seen.growing and one.group not in seen.paused:
            found.append(
                Trouble(
                    f"behind:{one.group}",
                    f"consumer {one.group} falls behind",
                    f"{one.lag} records of {one.topic} wait, and more come than it takes; alerts are late by as much. "
                    "See `codegrey status`; docs/operating.md says how to add replicas.",
                    one.lag.bit_length(),
                )
            )
        if one.below_start:
            found.append(
                Trouble(
                    f"below:{one.group}",
                    f"{one.group} lost {one.below_start} records of {one.topic}",
                    "The topic dropped them before they were read: it was away longer than the topic keeps them.",
                )
            )
    found += [
        Trouble(
            f"channel:{one.channel}",
            f"channel {one.channel} takes no messages",
            f"{one.waiting} wait, for {one.since_s / 60:.0f} minutes; last error: {one.error}. "
            "They are tried again for a day.",
        )
        for one in seen.failing
        if one.since_s >= FAILING_AFTER_S
    ]
    if seen.config_problem:
        found.append(
            Trouble(
                "config",
                "subscriptions.yaml is broken; the earlier one stays in force",
                seen.config_problem,
            )
        )
    if seen.disk:
        found.append(
            Trouble(
                "disk",
                "the disk is nearly full: taking in news pauses",
                f"{seen.disk}. Kafka ends for good on a full disk. Make room; it goes on by itself.",
            )
        )
    # While taking in pauses no canary can come: that is one trouble, not two.
    return [*found, *(one for one in seen.reported if not (seen.disk and one.key == "canary"))]


@dataclass(frozen=True)
class Transitions:
    """What operators are told now."""

    begun: tuple[Trouble, ...] = ()
    worse: tuple[Trouble, ...] = ()
    over: tuple[Standing, ...] = ()
    unwatched: tuple[Standing, ...] = ()

    @property
    def ended(self) -> tuple[Standing, ...]:
        """Return what stands no more, mended or not."""
        return (*self.over, *self.unwatched)


def transitions(
    standing: Mapping[str, Standing],
    now_wrong: Sequence[Trouble],
    now: datetime,
    unwatched: Collection[str] = frozenset(),
) -> Transitions:
    """Compare what operators know with what is wrong now; what is `unwatched` ended without being mended."""
    current = {one.key: one for one in now_wrong}
    return Transitions(
        begun=tuple(one for key, one in current.items() if key not in standing),
        worse=tuple(
            one
            for key, one in current.items()
            if key in standing and one.measure > standing[key].measure and now - standing[key].told_at >= WORSE_AFTER
        ),
        over=tuple(one for key, one in standing.items() if key not in current and key not in unwatched),
        unwatched=tuple(one for key, one in standing.items() if key not in current and key in unwatched),
    )


class StallClock:
    """Measure for how long a group that lags has not moved; `now` is a monotonic clock's."""

    def __init__(self) -> None:
        self._moved: dict[str, tuple[int, float]] = {}

    def note(self, progress: Sequence[Progress], now: float, standing: Collection[str] = ()) -> dict[str, float]:
        """Take note of positions and return the seconds without movement, by group.

        A group that stood still by what operators know (`standing`) still does when this clock is new.
        """
        idle = {}
        for one in progress:
            known = f"stalled:{one.group}" in standing and one.group not in self._moved
            position, since = self._moved.get(one.group, (one.position, now - STALLED_AFTER_S if known else now))
            if position != one.position or not one.lag:
                since = now
            self._moved[one.group] = (one.position, since)
            idle[one.group] = now - since
        return idle


class LagTrend:
    """Tell lag that grows from lag that comes and goes: by its least value in each third of a time."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, int]]] = {}

    def note(self, progress: Sequence[Progress], now: float, standing: Collection[str] = ()) -> frozenset[str]:
        """Take note of each lag and return the groups that fall behind; once behind, until it is made up for."""
        behind = set()
        for one in progress:
            seen = self._seen.setdefault(one.group, [])
            seen.append((now, one.lag))
            seen[:] = [(at, lag) for at, lag in seen if now - at <= TREND_OVER_S]
            was = f"behind:{one.group}" in standing
            if (was and one.lag >= BEHIND_FROM // 2) or (one.lag >= BEHIND_FROM and _grows(seen, now)):
                behind.add(one.group)
        return frozenset(behind)


def _grows(seen: Sequence[tuple[float, int]], now: float) -> bool:
    """Compare the least lag of each third; false until the whole time was seen."""
    third = TREND_OVER_S / 3
    parts: list[list[int]] = [[], [], []]
    for at, lag in seen:
        parts[min(2, int((at - (now - TREND_OVER_S)) / third))].append(lag)
    if not all(parts) or now - seen[0][0] < TREND_OVER_S * 0.9:
        return False
    first, second, last = (min(part) for part in parts)
    return first < second < last
