"""Put moments in a row, say how long each step took, and name the slowest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

PUBLISHED = "published"
"""The one moment that is not ours: the publisher's own word."""


@dataclass(frozen=True)
class Moment:
    """A point of the road, when it was passed, and what is worth knowing of it."""

    step: str
    at: datetime | None
    detail: str = ""


@dataclass(frozen=True)
class Passed:
    """A point that was passed, and the seconds since the one before it; None for the first."""

    step: str
    at: datetime
    took_s: float | None
    since: str | None
    detail: str = ""


@dataclass(frozen=True)
class Slowest:
    """The step that took longest, of how much in all."""

    since: str
    step: str
    took_s: float
    of_s: float


def timeline(moments: Iterable[Moment]) -> list[Passed]:
    """Keep the moments that are known, in the order of the road, with the seconds in between.

    The clocks may differ a little: a step that would end before it began took no time.
    """
    passed: list[Passed] = []
    for one in moments:
        if one.at is None:
            continue
        before = passed[-1] if passed else None
        took = max(0.0, round((one.at - before.at).total_seconds(), 3)) if before else None
        passed.append(Passed(one.step, one.at, took, before.step if before else None, one.detail))
    return passed


def slowest(passed: Sequence[Passed], *, ours: bool = False) -> Slowest | None:
    """Name the step that took longest; `ours` leaves out how long the publisher's news waited to be seen."""
    steps = [one for one in passed if one.took_s is not None and not (ours and one.since == PUBLISHED)]
    if not steps:
        return None
    worst = max(steps, key=lambda one: one.took_s or 0.0)
    return Slowest(
        worst.since or "", worst.step, worst.took_s or 0.0, round(sum(one.took_s or 0.0 for one in steps), 3)
    )


def seconds_words(seconds: float) -> str:
    """Write a time so that a person sees its size at once."""
    if seconds < 10:
        return f"{seconds:.3f} s" if seconds < 1 else f"{seconds:.1f} s"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
