"""The parser processes: quick, replaceable, and killed when they are slow."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import psutil

from services.ingest.parsers import Parsers
from tests.ingest.feed_server import item, rss


async def test_documents_are_parsed_in_a_process_that_is_kept() -> None:
    """One process serves one document after the other, and is gone at the end."""
    pool = Parsers(1)
    for _ in range(2):
        feed = await pool.parse(rss(item("a", "Title")), url="https://n.example/f")
        assert [entry.title for entry in feed.entries] == ["Title"]
    [worker] = pool._idle
    process = psutil.Process(worker.pid)
    assert not [name for name in process.environ() if name.startswith("CODEGREY_")]
    await pool.close()
    assert not process.is_running()


async def test_a_document_that_takes_too_long_is_ended_and_the_next_one_read() -> None:
    """The loop stays free meanwhile."""
    pool = Parsers(1)
    await pool.parse(rss(item("warm")), url="https://n.example/f")
    pool._within_s = 1.5
    huge = rss(*(item(f"{number}", "t" * 50) for number in range(60_000)))
    gaps = []

    async def beat() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - before)

    beating = asyncio.create_task(beat())
    feed = await pool.parse(huge, url="https://n.example/f")
    beating.cancel()
    assert "longer than 1.5 s" in (feed.error or "")
    assert pool.killed == 1
    pool._within_s = 20.0
    assert max(gaps) < 1.0
    again = await pool.parse(rss(item("a")), url="https://n.example/f")
    assert again.error is None
    await pool.close()


async def test_a_parser_that_dies_is_replaced() -> None:
    """Killed between two documents, or in the middle of one."""
    pool = Parsers(1)
    await pool.parse(rss(item("a")), url="https://n.example/f")
    os.kill(pool._idle[0].pid, signal.SIGKILL)
    feed = await pool.parse(rss(item("a")), url="https://n.example/f")
    assert "died" in (feed.error or "")
    assert (await pool.parse(rss(item("a")), url="https://n.example/f")).error is None
    await pool.close()
