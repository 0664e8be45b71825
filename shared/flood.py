"""When is poison a flood? Decide, from the last records of a consumer, whether to pause."""

from __future__ import annotations

from collections import deque

WINDOW = 100
LIMIT = 20


class FloodGauge:
    """Count poison among the last `WINDOW` records of one consumer."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=WINDOW)

    def note(self, *, poison: bool) -> str | None:
        """Note one record; return the reason to pause, or None to go on."""
        self._last.append(poison)
        count = sum(self._last)
        if poison and count >= LIMIT:
            return f"{count} of the last {len(self._last)} records could not be read"
        return None

    def reset(self) -> None:
        """Forget the past: a person looked and resumed."""
        self._last.clear()
