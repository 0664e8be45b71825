"""The canary's feed is served by ingest itself and read like any other, and shown in no list of feeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.canary import PURGE, CanaryFetcher
from services.ingest.fetching.addresses import make_policy
from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.status import feeds
from services.ingest.tables import entry, feed
from shared import canary
from shared.purge import Purger
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
async def serving(tools: Tools) -> AsyncIterator[Tools]:
    """Poll with a fetcher that serves the canary's feed."""
    fetcher = CanaryFetcher(make_policy((), allow_private=True), user_agent="test", connections=4)
    task = asyncio.create_task(fetcher.serve())
    await wait_until(lambda: fetcher.port, what="the canary's feed")
    yield replace(tools, private=fetcher)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await fetcher.aclose()


async def _entries(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(entry.c.feed_url, entry.c.guid).order_by(entry.c.stored_at))
        return [(row.feed_url, row.guid) for row in rows]


async def _now(engine: AsyncEngine, change: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(change))


async def test_each_poll_brings_one_that_was_never_there(at: Settings, serving: Tools, engine: AsyncEngine) -> None:
    """Published, under the canary's address whatever port served it, and no feed that a person sees."""
    write_feeds(at)
    poller = Poller(at, serving)
    assert await one_round(poller) == 1
    await _now(engine, "UPDATE ingest.feed SET next_poll_at = now()")
    assert await one_round(poller) == 1
    first, second = await _entries(engine)
    assert first[0] == second[0] == canary.FEED
    assert first[1] != second[1]
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM ingest.outbox")) == 2
    assert await feeds(engine) == []


async def test_it_comes_as_often_as_the_setting_says_or_not_at_all(
    at: Settings, serving: Tools, engine: AsyncEngine
) -> None:
    """0 lets the feed rest."""
    write_feeds(at)
    await one_round(Poller(at.model_copy(update={"canary_every_s": 60}), serving))
    async with engine.connect() as connection:
        assert await connection.scalar(select(feed.c.config["interval"].as_integer())) == 60
    await _now(engine, "UPDATE ingest.feed SET next_poll_at = now()")
    assert await one_round(Poller(at.model_copy(update={"canary_every_s": 0}), serving)) == 0


async def test_its_entries_go_after_a_day_and_no_other_does(at: Settings, serving: Tools, engine: AsyncEngine) -> None:
    """What is kept of real feeds is another's business."""
    write_feeds(at)
    await one_round(Poller(at, serving))
    purger = Purger("ingest-canary", engine, PURGE, pause_s=0.0)
    assert await purger.purge() == {"canaries": 0}
    await _now(
        engine,
        "INSERT INTO ingest.entry SELECT (jsonb_populate_record(entry, "
        "jsonb_build_object('entry_id', 'real', 'feed_url', 'https://paper.example/'))).* FROM ingest.entry",
    )
    await _now(engine, "UPDATE ingest.entry SET stored_at = stored_at - interval '25 hours'")
    assert await purger.purge() == {"canaries": 1}
    assert [url for url, _ in await _entries(engine)] == ["https://paper.example/"]
