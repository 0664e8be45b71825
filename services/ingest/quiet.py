"""Tell that a feed which usually brings news has brought none for an unusual time.

A feed that silently stopped is an alert that never came: its answers look as they always did.
What is usual is read from the feed's own past, hour by hour, so that weekends and nights count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

HOURS_KEPT = 80
"""Hours with news that are remembered of each feed."""
FEWEST = 6
"""Hours with news below which nothing can be called usual."""
PATIENCE = 2.0
"""Times the longest silence so far."""
SHORTEST_ALARM = timedelta(hours=24)
LONGEST_USUAL = timedelta(days=14)

Hours = Sequence[Sequence[int]]
"""Pairs of an hour since 1970 and how many entries it brought, oldest first."""


@dataclass(frozen=True)
class Silence:
    """How a feed that has gone quiet usually is, and for how long it has been silent."""

    per_day: float
    silent_for: timedelta
    longest_before: timedelta

    def words(self) -> str:
        """Say it to a person."""
        return (
            f"nothing new for {_span(self.silent_for)}; it usually brings {self.per_day:.1f} entries a day, "
            f"and was never silent for more than {_span(self.longest_before)}"
        )


def remember(hours: Hours, moments: Iterable[datetime], now: datetime) -> list[list[int]]:
    """Add the moments at which entries appeared; those ahead of `now` count as now."""
    counts = {int(hour): int(count) for hour, count in hours}
    for moment in moments:
        hour = int(min(moment, now).timestamp() // 3600)
        counts[hour] = counts.get(hour, 0) + 1
    return [[hour, counts[hour]] for hour in sorted(counts)[-HOURS_KEPT:]]


def silence(hours: Hours, now: datetime, reading_since: datetime | None) -> Silence | None:
    """Return the silence where it is an alarm, or None.

    It counts from the newest entry, or from when we began to read (`reading_since`): a feed
    that was quiet before that is no news of ours.
    """
    if len(hours) < FEWEST:
        return None
    times = [datetime.fromtimestamp(hour * 3600, UTC) for hour, _ in hours]
    longest = max((later - earlier for earlier, later in pairwise(times)), default=timedelta())
    longest = min(longest, LONGEST_USUAL)
    since = max(times[-1], reading_since) if reading_since else times[-1]
    silent = now - since
    if silent <= max(SHORTEST_ALARM, PATIENCE * longest):
        return None
    days = max((times[-1] - times[0]).total_seconds() / 86400, 1.0)
    return Silence(sum(count for _, count in hours) / days, now - times[-1], longest)


def _span(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
