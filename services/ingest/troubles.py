"""Say which feeds need a person, and what to do: rows of `status.feeds` in, troubles out.

A feed that fails once is no trouble: most failures pass. Where many fail at once the fault is
rather ours (no network, a proxy, a broken look-up of names), and one trouble tells of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.ingest.story.urls import host_of
from shared.trouble import Trouble

FAILS_FOR = timedelta(hours=3)
FAILURES = 3
"""A feed that fails is told of after both."""
SINGLY = 5
"""So many feeds are told of one by one; more are one trouble."""

Row = Mapping[str, Any]


def troubles(rows: Sequence[Row], now: datetime, config_problem: str | None = None) -> list[Trouble]:
    """Return what is wrong with the feeds and with the file that names them, the gravest first."""
    failing = [row for row in rows if row["state"] == "failing" and _fails_long(row, now)]
    ended = [row for row in rows if row["state"] == "ended"]
    quiet = [row for row in rows if row["state"] == "quiet"]
    moved = [row for row in rows if row["state"] != "ended" and _moved_away(row)]
    return [
        *_of_file(config_problem),
        *_failing(failing, len(rows)),
        *_each(ended, "ended", "has ended: its publisher answers 410", "Find its successor, or remove it.", _ended_at),
        *_each(quiet, "quiet", "has gone quiet", "Look at the publisher's page: is there news?", _last_new, "quiet"),
        *_each(moved, "moved", "has moved to another host for good", _MOVED, lambda row: None, "moved_to"),
    ]


_MOVED = (
    "It is read there. Is that still its publisher? Then write the new address into `feeds.yaml` (its last days come "
    "once more, as a backlog); else remove it."
)


def _moved_away(row: Row) -> bool:
    """Whether somebody else answers now: a move within one host (to https, to another path) needs nobody."""
    there = _site(row["moved_to"] or "")
    return bool(there) and there != _site(row["url"])


def _site(url: str) -> str:
    return host_of(url).removeprefix("www.")


def _of_file(problem: str | None) -> list[Trouble]:
    if not problem:
        return []
    first, *more = problem.splitlines()
    words = first[:300] + (f" (and {len(more)} more mistakes)" if more else "")
    return [Trouble("feeds:file", f"feeds.yaml is not taken over: {words}", "Correct it; the feeds before it go on.")]


def _fails_long(row: Row, now: datetime) -> bool:
    since: datetime = row["last_success"] or row["added"]
    return row["failures"] >= FAILURES and now - since > FAILS_FOR


def _failing(rows: Sequence[Row], all_feeds: int) -> list[Trouble]:
    if len(rows) > SINGLY and 2 * len(rows) > all_feeds:
        since = min((row["last_success"] for row in rows if row["last_success"]), default=None)
        title = f"{len(rows)} of {all_feeds} feeds cannot be read"
        advice = "So many at once: look at this machine's network, proxy and name look-up first. `codegrey feeds list`"
        return [Trouble("feeds:failing", title, advice, len(rows), since)]
    advice = "Try it: `codegrey feeds check URL`. Correct its address, or remove it."
    return _each(rows, "failing", "cannot be read", advice, lambda row: row["last_success"], "last_error")


def _each(
    rows: Sequence[Row], kind: str, what: str, advice: str, since: Any, reason: str | None = None
) -> list[Trouble]:
    """Tell of a few feeds one by one, of many together."""
    if len(rows) > SINGLY:
        names = ", ".join(str(row["name"])[:60] for row in rows[:SINGLY])
        title = f"{len(rows)} feeds: each {what} ({names} and {len(rows) - SINGLY} more)"
        return [Trouble(f"feeds:{kind}", title, f"{advice} All of them: `codegrey feeds list`", len(rows))]
    return [
        Trouble(
            f"feed:{kind}:{row['url']}"[:300],
            f"The feed {str(row['name'])[:100]} {what}" + (f": {str(row[reason])[:200]}" if reason else ""),
            advice.replace("URL", str(row["url"])),
            since=since(row),
        )
        for row in rows
    ]


def _ended_at(row: Row) -> datetime | None:
    at: datetime | None = row["ended"]
    return at


def _last_new(row: Row) -> datetime | None:
    at: datetime | None = row["last_new"]
    return at
