"""What is old goes by itself, in small bites; what must stay stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest import purge as ingest
from services.notifier import purge as notifier
from services.tracker import purge as tracker
from shared.database import transaction
from shared.purge import Bite, Purger
from shared.settings import Settings

pytestmark = pytest.mark.servers


async def run(engine: AsyncEngine, *statements: str) -> None:
    """Run statements in one transaction."""
    async with transaction(engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def column(engine: AsyncEngine, query: str) -> list[Any]:
    """Return the first column."""
    async with transaction(engine) as connection:
        return list((await connection.execute(text(query))).scalars())


def entries(feed: str, first: int, last: int, age_days: str) -> str:
    """Write entries of one feed, `age_days` old as an expression over their number n."""
    return f"""
        INSERT INTO ingest.entry (entry_id, revision, item_id, feed_url, guid, title, summary, text, first_seen,
            stored_at, content_hash, arrival, reason)
        SELECT '{feed}-' || n, 1, 'item', '{feed}', 'g', 't', '', '', now(),
            now() - make_interval(days => {age_days}), 'hash', 'live', 'new'
        FROM generate_series({first}, {last}) AS n
    """


async def test_old_entries_go_but_not_those_that_a_feed_may_still_show(engine: AsyncEngine) -> None:
    """Of a configured feed the newest 2,000 stay whatever their age; of a former feed or a push, the young ones."""
    await run(
        engine,
        "INSERT INTO ingest.feed (url, config, active) VALUES ('busy', '{}', true), ('slow', '{}', true),"
        " ('former', '{}', false)",
        entries("busy", 1, 2_500, "CASE WHEN n <= 600 THEN 1000 - n ELSE 10 END"),
        entries("slow", 1, 40, "900"),
        entries("former", 1, 700, "CASE WHEN n <= 650 THEN 400 ELSE 3 END"),
        entries("push:partner", 1, 10, "366"),
    )
    purger = Purger("ingest", engine, ingest.bites(Settings()), pause_s=0.0)
    assert (await purger.purge())["entries"] == 500 + 650 + 10
    kept = await column(engine, "SELECT feed_url || ' ' || count(*) FROM ingest.entry GROUP BY feed_url ORDER BY 1")
    assert kept == ["busy 2000", "former 50", "slow 40"]
    assert (await purger.purge())["entries"] == 0
    forever = Purger("ingest", engine, ingest.bites(Settings(keep_news_days=0)))
    assert "entries" not in await forever.purge()


async def test_an_outbox_keeps_what_waits_and_what_was_refused(engine: AsyncEngine) -> None:
    """Only what Kafka confirmed goes, after a week, the oldest first."""
    for service, bites in (("ingest", ingest.bites(Settings())), ("tracker", tracker.bites(Settings()))):
        await run(
            engine,
            f"""INSERT INTO {service}.outbox (topic, key, value, headers, created_at, published_at, refused_at)
            SELECT CASE WHEN n % 10 = 0 THEN 'waits' WHEN n % 10 = 1 THEN 'refused' WHEN n > 900 THEN 'young'
                    ELSE 'gone' END, '', '', '[]', now() - interval '20 days',
                CASE WHEN n % 10 IN (0, 1) THEN NULL WHEN n > 900 THEN now() ELSE now() - interval '8 days' END,
                CASE WHEN n % 10 = 1 THEN now() - interval '20 days' END
            FROM generate_series(1, 1000) AS n""",
        )
        gone = await Purger(service, engine, bites, pause_s=0.0).purge()
        assert gone["outbox"] == 720
        kept = await column(engine, f"SELECT topic || ' ' || count(*) FROM {service}.outbox GROUP BY topic ORDER BY 1")
        assert kept == ["refused 100", "waits 100", "young 80"]


NOTICES = """
    INSERT INTO notifier.notice (alert_id, subscription, incident_id, version, tell, pace, reason, correlation_id,
        message, list_id, at)
    VALUES ('a1', 's', 'old', 1, 'opening', 'now', '', '', NULL, NULL, now() - interval '400 days'),
           ('a2', 's', 'old', 2, 'update', 'folded', '', '', '{}', NULL, now() - interval '390 days'),
           ('a3', 's', 'old', 3, 'none', 'now', '', '', NULL, NULL, now() - interval '380 days'),
           ('a3', 'other', 'old', 3, 'none', 'now', '', '', NULL, NULL, now() - interval '380 days'),
           ('b1', 's', 'still', 1, 'opening', 'folded', '', '', '{}', 'list', now() - interval '380 days'),
           ('b2', 's', 'still', 2, 'none', 'now', '', '', NULL, NULL, now() - interval '2 days')
"""


async def test_decisions_go_but_for_the_newest_of_each_incident_and_those_that_wait(engine: AsyncEngine) -> None:
    """A replayed older version is known by the newest decision; what waits for a fold is not told yet."""
    await run(engine, NOTICES)
    purger = Purger("notifier", engine, notifier.bites(Settings()), rows=1, pause_s=0.0)
    assert (await purger.purge())["decisions"] == 3
    kept = await column(engine, "SELECT alert_id || ' ' || subscription FROM notifier.notice ORDER BY id")
    assert kept == ["a2 s", "a3 other", "b2 s"]


async def test_ended_deliveries_go_but_never_open_or_unreported_ones(engine: AsyncEngine) -> None:
    """What was lost without anybody knowing stays until operators were told of it."""
    cases = [
        ("sent", "s", "sent", 400, "NULL"),
        ("sent-lately", "s", "sent", 30, "NULL"),
        ("lost", "s", "gave_up", 400, "NULL"),
        ("lost-told", "s", "unknown", 400, "now()"),
        ("operators", "operators", "failed", 400, "NULL"),
    ]
    rows = [
        f"('{name}', '{name}', 'alert', '{whom}', 'c', 'email', 'a', 't', 4, '{{}}', '', '{{}}', '{state}',"
        f" now() - interval '{days} days', {told})"
        for name, whom, state, days, told in cases
    ]
    open_ones = [
        f"('{state}', '{state}', 'alert', 's', 'c', 'email', 'a', 't', 4, '{{}}', '', '{{}}', '{state}', NULL, NULL)"
        for state in ("queued", "sending")
    ]
    await run(
        engine,
        "INSERT INTO notifier.delivery (id, subject_id, purpose, subscription, channel, kind, address, target, level,"
        " incidents, correlation_id, message, state, finished_at, reported_at) VALUES " + ", ".join(rows + open_ones),
    )
    assert (await Purger("notifier", engine, notifier.bites(Settings())).purge())["deliveries"] == 3
    kept = await column(engine, "SELECT id FROM notifier.delivery ORDER BY id")
    assert kept == ["lost", "queued", "sending", "sent-lately"]


async def test_what_was_told_stays_but_for_subscriptions_that_left_long_ago(engine: AsyncEngine) -> None:
    """A name that returns starts anew; inboxes are never touched."""
    await run(
        engine,
        "INSERT INTO notifier.subscription (name, since, removed_at) VALUES"
        " ('here', now() - interval '900 days', NULL),"
        " ('left', now() - interval '900 days', now() - interval '400 days'), ('pausing', now(), now())",
        "INSERT INTO notifier.told (subscription, incident_id, snapshot, told_at)"
        " SELECT name, 'i', '{}', now() - interval '900 days' FROM notifier.subscription",
        "INSERT INTO notifier.inbox (alert_id, received_at) VALUES ('a', now() - interval '900 days')",
        "INSERT INTO tracker.inbox (report_id, received_at) VALUES ('r', now() - interval '900 days')",
    )
    await Purger("notifier", engine, notifier.bites(Settings())).purge()
    await Purger("tracker", engine, tracker.bites(Settings())).purge()
    assert await column(engine, "SELECT subscription FROM notifier.told ORDER BY 1") == ["here", "pausing"]
    assert await column(engine, "SELECT alert_id FROM notifier.inbox") == ["a"]
    assert await column(engine, "SELECT report_id FROM tracker.inbox") == ["r"]


async def test_silences_go_when_they_are_over_for_long(engine: AsyncEngine) -> None:
    """One that is in force stays, however old."""
    await run(
        engine,
        "INSERT INTO notifier.silence (incident_id, subscription, level, headline, because, at, until, ended_at)"
        " SELECT name, '', 4, '', '', now() - interval '900 days', until, ended_at FROM (VALUES"
        " ('in force', NULL, NULL), ('until next year', now() + interval '1 year', NULL),"
        " ('ran out', now() - interval '400 days', NULL), ('ran out lately', now() - interval '4 days', NULL),"
        " ('broken', NULL, now() - interval '400 days'), ('broken lately', NULL, now() - interval '4 days'))"
        " AS given(name, until, ended_at)",
    )
    assert (await Purger("notifier", engine, notifier.bites(Settings())).purge())["silences that are over"] == 2
    kept = await column(engine, "SELECT incident_id FROM notifier.silence ORDER BY id")
    assert kept == ["in force", "until next year", "ran out lately", "broken lately"]


async def test_replicas_take_turns_and_nobody_is_waited_for(engine: AsyncEngine) -> None:
    """While another one purges nothing is done; a row that is held costs a second, not a standstill."""
    await run(engine, NOTICES)
    purger = Purger("notifier", engine, notifier.bites(Settings()), pause_s=0.0)
    async with transaction(engine) as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(hashtext('codegrey.purge'), hashtext('notifier'))"))
        assert (await purger.purge())["decisions"] == 0
    async with transaction(engine) as other:
        await other.execute(text("SELECT FROM notifier.notice FOR UPDATE"))
        gone = await asyncio.wait_for(purger.purge(), 10)
        assert "decisions" not in gone
    assert (await purger.purge())["decisions"] == 3


async def test_a_fault_in_one_bite_does_not_keep_the_others_from_being_taken(engine: AsyncEngine) -> None:
    """The next hour tries again."""
    await run(engine, NOTICES)
    broken = Bite("nothing", 1, "DELETE FROM notifier.no_such_table WHERE :days < :rows")
    gone = await Purger("notifier", engine, [broken, *notifier.bites(Settings())]).purge()
    assert "nothing" not in gone
    assert gone["decisions"] == 3
