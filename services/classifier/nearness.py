"""Find what stands near what: terms in a sentence are by place, so only a few of many need be looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from shared.gate.scan import Hit

_FEW = 8
_NEAR = 20
_start: Callable[[Hit], int] = attrgetter("start")


class Row:
    """Hold hits by place, so that those near another are found without a look at each."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        """Note how long the longest is: only its start is searched for."""
        self._hits = hits
        self._longest = max((hit.end - hit.start for hit in hits), default=0) if len(hits) > _FEW else 0

    def around(self, one: Hit, reach: int) -> Sequence[Hit]:
        """Return all hits that may stand within so many characters of one, by place, and few that do not."""
        if len(self._hits) <= _FEW:
            return self._hits
        first = bisect_left(self._hits, one.start - reach - self._longest, key=_start)
        return self._hits[first : bisect_right(self._hits, one.end + reach, key=_start)]


def between(one: Hit, other: Hit) -> int:
    """Return the characters between two hits, less than nothing where they overlap."""
    return max(one.start, other.start) - min(one.end, other.end)


def closest(ones: Sequence[Hit], others: Sequence[Hit]) -> tuple[Hit, Hit]:
    """Return the pair that stands closest, the first of several."""
    if len(ones) * len(others) > _FEW**2:
        row = Row(others)
        near = _closest((one, other) for one in ones for other in row.around(one, _NEAR))
        if near is not None and between(*near) <= _NEAR:
            return near
    return min(((one, other) for one in ones for other in others), key=lambda pair: between(*pair))


def _closest(pairs: Iterable[tuple[Hit, Hit]]) -> tuple[Hit, Hit] | None:
    return min(pairs, key=lambda pair: between(*pair), default=None)
