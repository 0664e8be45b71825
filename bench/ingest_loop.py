"""The plain loop that `make bench-ingest` compares with: httpx, feedparser and SQLite, one feed after the other.

Says that it is ready, reads phases on standard input ("poll"), answers each with a JSON line: feeds, seconds, entries.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time

import feedparser  # type: ignore[import-untyped]
import httpx2 as httpx


def main(folder: str, base: str, count: int) -> None:
    """Poll as often as told."""
    database = sqlite3.connect(f"{folder}/loop.sqlite")
    database.execute("CREATE TABLE feed (url TEXT PRIMARY KEY, etag TEXT)")
    database.execute(
        "CREATE TABLE entry (feed TEXT, id TEXT, title TEXT, link TEXT, summary TEXT, published TEXT,"
        " PRIMARY KEY (feed, id))"
    )
    with httpx.Client() as client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for _ in sys.stdin:
            started = time.monotonic()
            new = sum(poll(client, database, f"{base}/{number}.xml") for number in range(count))
            took = time.monotonic() - started
            sys.stdout.write(json.dumps({"feeds": count, "seconds": took, "new": new}) + "\n")
            sys.stdout.flush()


def poll(client: httpx.Client, database: sqlite3.Connection, url: str) -> int:
    """Fetch, parse and store one feed; return how many entries were new."""
    row = database.execute("SELECT etag FROM feed WHERE url = ?", (url,)).fetchone()
    answer = client.get(url, headers={"If-None-Match": row[0]} if row and row[0] else {})
    if answer.status_code == 304:
        return 0
    parsed = feedparser.parse(answer.content)
    rows = [
        (url, e.get("id"), e.get("title"), e.get("link"), e.get("summary"), e.get("published")) for e in parsed.entries
    ]
    with database:
        before = database.total_changes
        database.executemany("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)
        new = database.total_changes - before
        database.execute("INSERT OR REPLACE INTO feed VALUES (?, ?)", (url, answer.headers.get("etag")))
    return new


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
