"""The parser processes: quick, replaceable, and killed when they are slow."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from urllib.parse import urljoin

import psutil
import pytest

from services.ingest.parsing.frames import dump, load
from services.ingest.parsing.parsed import SETTLED, ParsedEntry, ParsedFeed, content_hash
from services.ingest.parsing.parsers import Parsers
from tests.ingest.feed_server import item, rss
from tests.waiting import wait_until


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


async def test_parsers_are_forked_from_one_process_that_can_be_replaced() -> None:
    """It holds no document; when it is gone, its parsers serve on, and the next one starts another."""
    pool = Parsers(2)
    await pool.prepare()
    assert len(pool._idle) == 2
    stem = pool._stem
    assert stem is not None
    above = psutil.Process(stem._process.pid)
    assert {child.pid for child in above.children()} == {worker.pid for worker in pool._idle}
    above.kill()
    await stem._process.wait()
    for _ in range(3):
        assert (await pool.parse(rss(item("a")), url="https://n.example/f")).error is None
    for worker in [pool._idle.pop() for _ in range(2)]:
        worker.end()
    assert (await pool.parse(rss(item("a")), url="https://n.example/f")).error is None
    assert pool._stem is not stem
    await pool.close()


async def test_a_killed_parser_keeps_its_number_until_it_is_buried() -> None:
    """Else the next one to have that number could be killed in its place."""
    pool = Parsers(1)
    await pool.prepare()
    [worker] = pool._idle
    os.kill(worker.pid, signal.SIGKILL)
    process = psutil.Process(worker.pid)
    await wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    await pool.parse(rss(item("a")), url="https://n.example/f")
    await wait_until(lambda: not process.is_running())
    await pool.close()


async def test_the_table_of_languages_is_loaded_once_for_all_parsers() -> None:
    """They find a language as ever, and have nothing to load for it."""
    pool = Parsers(2, languages=True)
    words = "Das Krankenhaus der Stadt teilt mit, dass die Ambulanz wieder geöffnet ist"
    feeds = [await pool.parse(rss(item("a", words)), url="https://n.example/f") for _ in range(2)]
    assert {entry.language for feed in feeds for entry in feed.entries} == {"de"}
    await pool.close()


async def test_parsers_ask_the_gate_where_they_are_told_to() -> None:
    """In their own processes; what they were not asked, they do not say."""
    told, silent = Parsers(1, gate=True), Parsers(1)
    items = (item("a", "Hospital hit by ransomware attack"), item("b", "Football results"))
    asked, unasked = [await pool.parse(rss(*items), url="https://n.example/f") for pool in (told, silent)]
    assert [entry.concerns for entry in asked.entries] == [True, False]
    assert [entry.concerns for entry in unasked.entries] == [None, None]
    assert [entry.words_hash for entry in asked.entries] == [content_hash(entry) for entry in unasked.entries]
    await told.close()
    await silent.close()


async def test_parsers_end_with_the_service() -> None:
    """Killed with -9, it leaves none behind."""
    script = (
        "import asyncio, sys\n"
        "from services.ingest.parsing.parsers import Parsers\n"
        "async def main():\n"
        "    pool = Parsers(2)\n"
        "    await pool.prepare()\n"
        "    print(pool._stem._process.pid, *(one.pid for one in pool._idle), flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert service.stdout is not None
    processes = [psutil.Process(int(pid)) for pid in (await service.stdout.readline()).split()]
    service.kill()
    await service.wait()
    await wait_until(lambda: not any(_runs(one) for one in processes))


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_half_a_character_passes_between_the_processes() -> None:
    """No UTF-8 can carry it, and JSON's strict readers refuse it."""
    feed = ParsedFeed(title="odd \ud83d", entries=(ParsedEntry("a", None, "t", "", "", None, None),))
    assert load(dump(feed)) == feed


@pytest.mark.parametrize(
    "address",
    ["http://a.example", "https://a.example:8443/x/../y", "http://a.example/%7Eb/c.d~", "https://a-b.example/x//y/./"],
)
def test_an_address_that_is_settled_is_one_that_joining_leaves_alone(address: str) -> None:
    """So that the join may be left out."""
    assert SETTLED.fullmatch(address)
    assert urljoin("https://base.example/deep/", address) == address
    assert not any(SETTLED.fullmatch(f"{address}{rest}") for rest in ("?", "?a=b", "#c", " ", "\n", ";d", "ü"))
