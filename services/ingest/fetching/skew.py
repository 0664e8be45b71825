"""Compare this machine's clock with those of the publishers' servers, which say the time in every answer.

One server may be wrong, and a cache may answer with yesterday's date. Where most of many hosts agree
that we are minutes off, it is we who are.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from statistics import median

from ssrfguard import Policy

from services.ingest.fetching.fetch import Fetched, Fetcher, Validators, Wishes
from services.ingest.story.urls import host_of
from shared.clock import disagreement
from shared.trouble import Trouble

FEWEST_HOSTS = 5
WITHIN_S = 3600.0
OFF_S = 120.0


def offset_of(date: str, age: str, now: float) -> float | None:
    """Return by how many seconds the `Date` of an answer, grown by its `Age` in a cache, is ahead of `now`."""
    try:
        stated = parsedate_to_datetime(date).timestamp()
        return stated + (float(age) if age.isdigit() else 0.0) - now
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


@dataclass
class Skew:
    """What the hosts said of late; `steady` is a clock that cannot be set."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    machine: str = field(default_factory=socket.gethostname)
    _said: dict[str, tuple[float, float]] = field(default_factory=dict)

    def note(self, fetched: Fetched) -> None:
        """Take note of an answer that came just now."""
        date = fetched.headers.get("date", "")
        offset = offset_of(date, fetched.headers.get("age", ""), self.now()) if date else None
        if offset is not None:
            self._said[host_of(fetched.final_url)] = (self.steady(), offset)

    def offset_s(self) -> float | None:
        """Return by how much most hosts are ahead of us; None where too few were heard of late."""
        since = self.steady() - WITHIN_S
        self._said = {host: one for host, one in self._said.items() if one[0] >= since}
        if len(self._said) < FEWEST_HOSTS:
            return None
        middle = median(offset for _, offset in self._said.values())
        agreeing = sum(abs(offset - middle) < OFF_S / 2 for _, offset in self._said.values())
        return middle if agreeing > len(self._said) / 2 else None

    async def troubles(self) -> list[Trouble]:
        """Return what is wrong with our clock by their word."""
        offset = self.offset_s()
        if offset is None or abs(offset) < OFF_S:
            return []
        found = disagreement(self.machine, "most publishers' servers", offset)
        return [found] if found else []


class NotingFetcher(Fetcher):
    """Fetch as ever, and take note of the time that each answer states."""

    def __init__(self, policy: Policy, skew: Skew, *, user_agent: str, connections: int) -> None:
        super().__init__(policy, user_agent=user_agent, connections=connections)
        self._skew = skew

    async def fetch(self, url: str, validators: Validators | None = None, wishes: Wishes | None = None) -> Fetched:
        """Fetch `url`."""
        fetched = await super().fetch(url, validators, wishes)
        self._skew.note(fetched)
        return fetched
