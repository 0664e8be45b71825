"""Leave alone what fails: rest after failures in a row, then try one question; and never ask too often."""

from __future__ import annotations

from collections import deque

FAILURES = 3
REST_S = 60.0
LONGEST_REST_S = 900.0
_MANY = 1_000
_MINUTE_S = 60.0


class Breaker:
    """Count failures in a row. After three it rests for a minute, twice as long each time that the trial fails."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S
        self._until: float | None = None

    def may_ask(self, now: float) -> int:
        """Return how many questions may be asked now: none while it rests, one to try it after that."""
        if self._until is None:
            return _MANY
        return 0 if self.resting(now) else 1

    def resting(self, now: float) -> bool:
        """Say whether it rests."""
        return self._until is not None and now < self._until

    def answered(self) -> None:
        """Take an answer for health."""
        self._failures, self._until, self._rest_s = 0, None, REST_S

    def failed(self, now: float) -> float:
        """Count a failure; return for how many seconds it rests, where this one began a rest."""
        if self.resting(now):
            return 0.0  # asked together with those that began it
        self._failures += 1
        if self._until is None and self._failures < FAILURES:
            return 0.0
        if self._until is not None:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        self._until = now + self._rest_s
        return self._rest_s


class Rate:
    """Allow so many a minute, over any sixty seconds."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._asked: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Say whether one more may be asked now, and count it."""
        while self._asked and self._asked[0] <= now - _MINUTE_S:
            self._asked.popleft()
        if len(self._asked) >= self._per_minute:
            return False
        self._asked.append(now)
        return True
