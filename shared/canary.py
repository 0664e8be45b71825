"""The canary: an item that travels the whole road to prove that it is open, and is told to nobody.

Ingest serves a feed of its own under this address and reads it like any other. What comes of it is
known by the address alone, which only ingest's configuration sets: no text that a stranger writes
can make an item a canary, and so hide it.
"""

from __future__ import annotations

FEED = "http://canary.codegrey.invalid/feed.json"
NAME = "Code Grey canary"
KEPT_DAYS = 1


def late_after_s(every_s: int) -> float:
    """Return after how many seconds without an arrival the road counts as closed: two are missing then."""
    return 2.0 * every_s + min(every_s, 120)
