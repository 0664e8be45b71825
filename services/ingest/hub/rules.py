"""WebSub (W3C): what a hub is asked, what of its word is believed, and until when. Pure.

A hub is a stranger that sends us what it likes. So each subscription has an address of its own that
cannot be guessed and a secret that signs every delivery; a hub is believed about its own subscription
only, its leases are bounded, and what it fails to push is polled.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

WISHED_LEASE = timedelta(days=10)
SHORTEST_LEASE = timedelta(minutes=5)
LONGEST_LEASE = timedelta(days=30)
DENIED_FOR = timedelta(days=1)
RELIED_ON = timedelta(days=1)
"""Pushes are relied on for so long after the last one; then polls are as frequent as ever."""
LONGEST_CHALLENGE = 1_000
FAREWELLS = 3
"""A hub that does not confirm the end of a subscription is told so often."""
# Those of the recommendation. SHA-1 is broken for collisions, not for signatures with a secret, and hubs use it.
_HASHES = frozenset({"sha1", "sha256", "sha384", "sha512"})
_FIRST_RETRY = timedelta(minutes=10)
_LONGEST_RETRY = timedelta(days=1)


class State(StrEnum):
    """Where a subscription stands."""

    ASKED = "asked"
    ACTIVE = "active"
    DENIED = "denied"
    LEAVING = "leaving"


@dataclass(frozen=True)
class Subscription:
    """What one hub was asked to push, and the secrets of it."""

    feed_url: str
    token: str
    secret: str
    callback: str
    hub: str
    topic: str
    state: State
    tries: int = 0
    lease_until: datetime | None = None

    def form(self) -> bytes:
        """Write the request to the hub."""
        leaving = self.state is State.LEAVING
        fields = {
            "hub.mode": "unsubscribe" if leaving else "subscribe",
            "hub.topic": self.topic,
            "hub.callback": self.callback,
        }
        if not leaving:
            fields |= {"hub.secret": self.secret, "hub.lease_seconds": str(int(WISHED_LEASE.total_seconds()))}
        return urlencode(fields).encode()


@dataclass(frozen=True)
class Answer:
    """What becomes of a hub's question: `state` is the new one, None ends the subscription."""

    believed: bool
    reason: str
    state: State | None = None
    lease_until: datetime | None = None
    next_at: datetime | None = None


def callback_of(base: str, token: str) -> str:
    """Return the address under which a hub finds one subscription."""
    return f"{base.rstrip('/')}/hub/{token}"


def signature_is_right(secret: str, header: str, body: bytes) -> bool:
    """Whether `header`, an X-Hub-Signature, proves that the hub wrote `body`; takes the same time for any."""
    method, _, given = header.strip().partition("=")
    known = method.lower() in _HASHES
    expected = hmac.new(secret.encode(), body, method.lower() if known else "sha256").hexdigest()
    same = hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace"))
    return known and same


def answer(subscription: Subscription, asked: Mapping[str, str], now: datetime) -> Answer:
    """Decide on a hub's verification of intent, or its refusal; what we did not ask for is not believed."""
    mode = asked.get("hub.mode", "").lower()
    if asked.get("hub.topic", "") != subscription.topic:
        return Answer(False, "it names another topic")
    if mode == "denied":
        if subscription.state is State.LEAVING:
            return Answer(True, "the hub had ended it already")
        why = asked.get("hub.reason", "")[:200] or "no reason given"
        return Answer(True, f"the hub refuses: {why}", State.DENIED, next_at=now + DENIED_FOR)
    if not 0 < len(asked.get("hub.challenge", "")) <= LONGEST_CHALLENGE:
        return Answer(False, "no challenge, or one too long")
    if mode == "unsubscribe":
        wanted = subscription.state is State.LEAVING
        return Answer(wanted, "ended as we asked" if wanted else "we did not ask for its end")
    if mode != "subscribe":
        return Answer(False, "no such mode")
    if subscription.state not in {State.ASKED, State.ACTIVE}:
        return Answer(False, "we did not ask for it")
    lease = lease_of(asked.get("hub.lease_seconds", ""))
    return Answer(True, "subscribed", State.ACTIVE, now + lease, now + lease * 0.8)


def lease_of(said: str) -> timedelta:
    """Read a lease, within bounds."""
    said = said.strip()
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 12 else 0
    given = timedelta(seconds=min(seconds, LONGEST_LEASE.total_seconds())) if seconds else WISHED_LEASE
    return max(given, SHORTEST_LEASE)


def retry_in(tries: int) -> timedelta:
    """Return when a hub that has not confirmed is asked again; `tries` counts those before."""
    doubled: timedelta = _FIRST_RETRY * 2 ** min(tries, 10)
    return min(doubled, _LONGEST_RETRY)


def relied_until(lease_until: datetime | None, now: datetime) -> datetime:
    """Return until when polls may be rarer after a push that came now."""
    return min(lease_until or now, now + RELIED_ON)
