"""Troubles that a part of the system reports of itself, so that its operators are told. Pure.

A report of a source lists everything that is wrong there: what it no longer lists is over. A source that
dies says nothing, so what it said last stands. Services report through `shared.trouble_board`, what is no
service through `shared.trouble_file`; the notifier's watch reads both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.storable import storable

MOST = 200
MOST_MEASURE = 2**31 - 1


@dataclass(frozen=True)
class Trouble:
    """Something that needs a person.

    `key` names it for good ("feeds:failing"), `measure` is how much of it there is (told again where it
    grows), `advice` what to do, `since` when it began, where that is known.
    """

    key: str
    title: str
    advice: str
    measure: int = 1
    since: datetime | None = None


@dataclass(frozen=True)
class Unwatched:
    """The key of a trouble whose subject is no longer looked at: it did not recover, it was taken away."""

    key: str


class SourceReport(BaseModel):
    """All that is wrong at one source, and what it counts. `source` is "service:look" or "service:look@process".

    `unwatched` are the keys of troubles that end, if they stood, because nobody looks any more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    at: AwareDatetime
    troubles: tuple[Trouble, ...] = ()
    figures: Mapping[str, int] = {}
    unwatched: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """Name the service that speaks."""
        return self.source.partition(":")[0]


def bounded_key(key: str) -> str:
    """Cut a key to what can be kept."""
    return storable(key)[:200]


def bounded(trouble: Trouble) -> Trouble:
    """Cut a trouble to what can be kept and sent: one that cannot must not keep operators from all the others."""
    return Trouble(
        bounded_key(trouble.key),
        storable(trouble.title)[:300],
        storable(trouble.advice)[:2_000],
        max(0, min(trouble.measure, MOST_MEASURE)),
        trouble.since,
    )


def at_most(troubles: Sequence[Trouble], most: int = MOST) -> tuple[Trouble, ...]:
    """Keep a report small enough for a message; what is left out is counted."""
    if len(troubles) <= most:
        return tuple(troubles)
    left = len(troubles) - most
    more = Trouble("more", f"{left} more troubles are not listed", "See `codegrey status`.", left)
    return (*troubles[:most], more)
