"""What the tests of ingest share: a feed server, tools to poll it with, and a poller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.fetch import Fetcher
from services.ingest.loop import Poller
from services.ingest.parsing.parsers import Parsers
from services.ingest.poll import Tools
from shared.settings import Settings
from tests.ingest.feed_server import FeedServer, feed_server


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    """Serve on loopback."""
    async with feed_server() as serving:
        yield serving


@pytest.fixture(scope="session")
async def parsers() -> AsyncIterator[Parsers]:
    """Keep one parser process for the whole run."""
    pool = Parsers(1)
    yield pool
    await pool.close()


@pytest.fixture
async def tools(engine: AsyncEngine, parsers: Parsers) -> AsyncIterator[Tools]:
    """Poll with loopback allowed."""
    networks = parse_networks("127.0.0.0/8")
    public = Fetcher(make_policy(networks), user_agent="test", within_s=10)
    private = Fetcher(make_policy(networks, allow_private=True), user_agent="test", within_s=10)
    yield Tools(engine, public, private, parsers, asyncio.Event(), internal=networks)
    await public.aclose()
    await private.aclose()


@pytest.fixture
def at(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose configuration folder is the test's own."""
    return settings.model_copy(update={"config": tmp_path})


def write_feeds(settings: Settings, *feeds: str) -> None:
    """Configure these feeds, each a line or lines of YAML."""
    lines = "".join(f"  - {feed}\n" for feed in feeds)
    (settings.config / "feeds.yaml").write_text(f"feeds:\n{lines}" if feeds else "feeds: []\n", "utf-8")


async def one_round(poller: Poller) -> int:
    """Poll everything that is due, once; return how many feeds that were."""
    started = 0
    while more := await poller.turn():
        started += more
        await poller.idle()
    return started
