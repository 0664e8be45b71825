"""What ingest measures."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import OUTBOX_REFUSED, StepTime

POLLS = Counter("codegrey_feed_polls_total", "Polls of feeds, by how they ended", ["outcome"])
ENTRIES = Counter("codegrey_feed_entries_total", "Entries published", ["verdict"])
POLL_SECONDS = Histogram(
    "codegrey_feed_poll_seconds",
    "Time of one poll from request to commit, seconds",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90),
)
PARSERS_KILLED = Counter("codegrey_parsers_killed_total", "Parsers ended because a document took too long")
ARTICLES = Counter("codegrey_articles_total", "Pages of candidates fetched for their full text", ["outcome"])
FEEDS = Gauge("codegrey_feeds", "Configured feeds, by state", ["state"])
QUIET = Gauge("codegrey_feed_silent_seconds", "Silence of a feed that has gone quiet, seconds", ["feed"])
FAILING = Gauge("codegrey_feed_failures", "Failures in a row of a feed that fails", ["feed"])
ODD_IDS = Gauge("codegrey_feed_odd_ids", "Feeds whose entries' ids cannot be believed, by what is odd", ["ids"])
HUB_PUSHES = Counter("codegrey_hub_pushes_total", "Deliveries at the addresses that hubs were given", ["outcome"])
POLLS_RUNNING = Gauge("codegrey_feed_polls_running", "Polls under way")
PUBLISHER_TO_SEEN = StepTime("publisher_to_seen")
"""From the publisher's own time to our first sight of it; live entries with a date alone."""
OUTBOX_REFUSED.labels("ingest")
for _outcome in ("taken", "forged", "wrong topic", "refused", "unreadable", "unknown"):
    HUB_PUSHES.labels(_outcome)
for _outcome in ("read", "unchanged", "failed", "ended", "fault"):
    # Of a counter that first appears as 1, no rate can be told.
    POLLS.labels(_outcome)
