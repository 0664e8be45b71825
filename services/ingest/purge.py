"""What ingest lets go of, and when.

An entry must be known for as long as its feed still shows it, or it would be news again. No feed says how long that
is; but one answer holds a limited number of entries, so of every configured feed the newest `KEPT_OF_EACH` stay
whatever their age. Older ones, and those of feeds that are no longer configured, go after `keep_news_days`.
"""

from __future__ import annotations

from shared.purge import Bite, outbox_bite
from shared.settings import Settings

KEPT_OF_EACH = 2_000

# Feed by feed along the index (feed_url, stored_at): the first part hops from one address to the next.
_ENTRIES = f"""
WITH RECURSIVE address(url) AS (
    (SELECT feed_url FROM ingest.entry ORDER BY feed_url LIMIT 1)
    UNION ALL
    SELECT (SELECT feed_url FROM ingest.entry WHERE feed_url > address.url ORDER BY feed_url LIMIT 1)
    FROM address WHERE address.url IS NOT NULL),
due AS (
    SELECT url, clock_timestamp() - make_interval(days => :days) AS before,
        EXISTS (SELECT FROM ingest.feed WHERE feed.url = address.url AND feed.active) AS configured
    FROM address WHERE address.url IS NOT NULL),
old AS (
    SELECT e.entry_id, e.revision FROM due
    CROSS JOIN LATERAL (
        SELECT FROM ingest.entry WHERE feed_url = due.url AND stored_at < due.before LIMIT 1) any_old
    CROSS JOIN LATERAL (
        SELECT CASE WHEN due.configured THEN (
            SELECT stored_at FROM ingest.entry WHERE feed_url = due.url
            ORDER BY stored_at DESC OFFSET {KEPT_OF_EACH - 1} LIMIT 1) ELSE 'infinity' END AS moment) edge
    CROSS JOIN LATERAL (
        SELECT entry_id, revision FROM ingest.entry
        WHERE feed_url = due.url AND stored_at < due.before AND stored_at < edge.moment
        ORDER BY stored_at LIMIT :rows) e
    LIMIT :rows)
DELETE FROM ingest.entry USING old WHERE entry.entry_id = old.entry_id AND entry.revision = old.revision
"""  # noqa: S608 - a number of ours


def bites(settings: Settings) -> list[Bite]:
    """Return what ingest lets go of."""
    return [Bite("entries", settings.keep_news_days, _ENTRIES), outbox_bite("ingest", settings.keep_outbox_days)]
