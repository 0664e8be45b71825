"""Three ingest processes share the feeds; one is killed in the middle of its polls."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.tables import feed, outbox
from shared.database import transaction
from shared.settings import Settings
from tests.ingest.conftest import write_feeds
from tests.ingest.feed_server import Asked, FeedServer, item, rss
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.mark.servers
async def test_the_feeds_of_a_process_that_is_killed_are_taken_over(
    at: Settings, server: FeedServer, engine: AsyncEngine
) -> None:
    """Every feed is read, none is published twice, and only what the dead one held is asked for again."""
    paths = [f"/{number}" for number in range(40)]
    held = asyncio.Event()

    async def answer(asked: Asked) -> None:
        await held.wait()
        body = rss(item(asked.path))
        head = f"HTTP/1.1 200 X\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        asked.writer.write(head.encode() + body)
        await asked.writer.drain()

    server.answers |= dict.fromkeys(paths, answer)
    write_feeds(at, *(server.url(path) for path in paths))
    environment = os.environ | {
        "CODEGREY_DATABASE_URL": at.database_url.get_secret_value(),
        "CODEGREY_CONFIG": str(at.config),
        "PYTHONPATH": str(ROOT),
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.ingest.one_poller", "3", cwd=ROOT, env=environment
        )
        for _ in range(3)
    ]
    try:
        # Each holds four feeds whose publisher does not answer; then one is killed.
        await wait_until(lambda: len(server.asked) >= 12, within=30)
        assert len({asked.path for asked in server.asked}) == len(server.asked)
        processes[0].kill()
        await processes[0].wait()
        held.set()

        async def read() -> bool:
            async with transaction(engine) as connection:
                return await connection.scalar(select(func.count(feed.c.last_success_at))) == len(paths)

        await wait_until(read, within=30)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    async with transaction(engine) as connection:
        published = await connection.scalar(select(func.count()).select_from(outbox))
    assert published == len(paths)
