"""Keep SMTP connections open for the next letter: a connection costs more than a letter.

A server that has accepted a letter is asked to take the next one on the same connection, until it
has idled for a few seconds. A connection that turns out to be gone is replaced without a word: nothing
had left on it yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

IDLE_S = 5.0
AGE_S = 60.0
LETTERS = 50
"""Servers hang up on clients that idle, that stay too long, or that send too much at once."""
KEPT = 4
"""Idle connections to one server at most."""


class Closable(Protocol):
    """What can be kept."""

    def leave(self) -> None:
        """Say goodbye without waiting for an answer, and close."""


S = TypeVar("S", bound=Closable)


@dataclass
class Kept(Generic[S]):
    """One open connection and how much it was used."""

    session: S
    opened: float
    letters: int = 0
    idle_since: float = 0.0


@dataclass
class MailSessions(Generic[S]):
    """Open connections by server and login; safe to use from several threads."""

    clock: Callable[[], float] = time.monotonic
    _kept: dict[Hashable, list[Kept[S]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, server: Hashable) -> Kept[S] | None:
        """Return an open connection that nobody else has, or None."""
        self.close_idle()
        with self._lock:
            kept = self._kept.get(server)
            return kept.pop() if kept else None

    def give(self, server: Hashable, one: Kept[S]) -> None:
        """Keep a connection on which a letter was accepted, or close it where it has served long enough."""
        one.letters += 1
        one.idle_since = self.clock()
        with self._lock:
            kept = self._kept.setdefault(server, [])
            if one.letters < LETTERS and one.idle_since - one.opened < AGE_S and len(kept) < KEPT:
                kept.append(one)
                return
        one.session.leave()

    def close_idle(self, idle_s: float = IDLE_S) -> None:
        """Close what nobody has asked for in a while."""
        before = self.clock() - idle_s
        with self._lock:
            stale = [one for kept in self._kept.values() for one in kept if one.idle_since <= before]
            self._kept = {
                server: fresh
                for server, kept in self._kept.items()
                if (fresh := [one for one in kept if one.idle_since > before])
            }
        for one in stale:
            one.session.leave()
