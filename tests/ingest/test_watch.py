"""Feeds that have gone quiet are shown, measured and told once; writes are gathered, and faults stay apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.ingest.gather import Gather
from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.quiet import remember
from services.ingest.status import feeds
from services.ingest.tables import feed
from services.ingest.watch import Watch
from shared.database import transaction
from shared.errors import Transient
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss


@pytest.mark.servers
async def test_a_feed_that_fell_silent_is_told_of_once(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """In its state, in the metrics, in the log; and again when it speaks."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    await one_round(poller)
    watch = Watch(engine)
    await watch.look()
    now = datetime.now(UTC)
    past = remember((), [now - timedelta(days=day) for day in range(6, 30)], now)
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(recent=past, added_at=now - timedelta(days=99)))
    with capture_logs() as logs:
        for _ in range(2):
            await watch.look()
    assert [line["event"] for line in logs] == ["feed has gone quiet"]
    assert "nothing new for 6 days" in logs[0]["reason"]
    [row] = await feeds(engine)
    assert row["state"] == "quiet"
    assert (REGISTRY.get_sample_value("codegrey_feed_silent_seconds", {"feed": server.url("/f")}) or 0) > 5 * 86400
    assert REGISTRY.get_sample_value("codegrey_feeds", {"state": "quiet"}) == 1
    server.answers["/f"] = Answer(rss(item("a"), item("b")))
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(next_poll_at=now - timedelta(seconds=1)))
    await one_round(poller)
    with capture_logs() as logs:
        await watch.look()
    assert [line["event"] for line in logs] == ["feed brings news again"]


async def test_a_fault_of_one_job_stays_with_it() -> None:
    """The others of its batch are written; a fault that may pass is everyone's."""
    written: list[list[int]] = []

    async def write(jobs: Sequence[int]) -> list[int]:
        written.append(list(jobs))
        if 13 in jobs:
            raise ValueError("13")
        if 99 in jobs:
            raise Transient("away")
        return [job * 2 for job in jobs]

    gather: Gather[int, int] = Gather(write, most=10)
    results = await asyncio.gather(*(gather.submit(job) for job in (1, 13, 2)), return_exceptions=True)
    assert [results[0], results[2], type(results[1])] == [2, 4, ValueError]
    assert written == [[1, 13, 2], [1], [13], [2]]
    results = await asyncio.gather(*(gather.submit(job) for job in (1, 99)), return_exceptions=True)
    assert [type(result) for result in results] == [Transient, Transient]


async def test_a_batch_is_bounded_and_a_caller_that_left_disturbs_nobody() -> None:
    """One that weighs more than all may stands alone."""
    sizes: list[int] = []

    async def write(jobs: Sequence[int]) -> list[int]:
        sizes.append(len(jobs))
        return list(jobs)

    gather: Gather[int, int] = Gather(write, most=10, weight=lambda job: job)
    tasks = [asyncio.create_task(gather.submit(job)) for job in (50, 4, 6, 1)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [results[0], results[2], results[3]] == [50, 6, 1]
    assert sizes == [1, 2, 1]
