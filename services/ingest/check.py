"""Fetch feeds once and show what would be read; writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from services.ingest.fetch import Fetched, Fetcher
from services.ingest.parsed import ParsedFeed
from services.ingest.parsers import Parsers

CONCURRENCY = 8
_AHEAD = 64
"""Feeds under way or waiting to be printed: memory stays flat for thousands."""


async def check_feeds(urls: Iterable[str], fetcher: Fetcher) -> AsyncIterator[dict[str, Any]]:
    """Yield one finding for each address, in their order; whatever goes wrong stands in it."""
    parsers = Parsers()
    slots = asyncio.Semaphore(CONCURRENCY)
    waiting: list[asyncio.Task[dict[str, Any]]] = []

    async def one(url: str) -> dict[str, Any]:
        async with slots:
            try:
                return await _check(url, fetcher, parsers)
            except Exception as fault:
                failed = Fetched(url, url, error=f"internal fault: {type(fault).__name__}: {fault}"[:300])
                return finding(failed, ParsedFeed())

    try:
        for url in urls:
            waiting.append(asyncio.create_task(one(url)))
            if len(waiting) >= _AHEAD:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await parsers.close()


async def _check(url: str, fetcher: Fetcher, parsers: Parsers) -> dict[str, Any]:
    fetched = await fetcher.fetch(url)
    parsed = ParsedFeed()
    if fetched.error is None and fetched.status == 200:
        parsed = await parsers.parse(
            fetched.body, url=fetched.final_url, content_type=fetched.headers.get("content-type", "")
        )
    return finding(fetched, parsed)


def finding(fetched: Fetched, parsed: ParsedFeed) -> dict[str, Any]:
    """Put what was found into the shape of `codegrey feeds check --json`."""
    error = fetched.error
    if error is None and fetched.status != 200:
        error = f"answered {fetched.status}"
    return {
        "url": fetched.url,
        "final_url": fetched.final_url,
        "status": fetched.status,
        "format": parsed.format or None,
        "title": parsed.title or None,
        "entries": [
            {
                "id": entry.guid,
                "url": entry.url,
                "title": entry.title,
                "summary": entry.summary or entry.text,
                "published": entry.published.isoformat() if entry.published else None,
                "language": entry.language or parsed.language,
            }
            for entry in parsed.entries
        ],
        "problems": [*_advice(fetched), *parsed.problems],
        "error": error or parsed.error,
    }


def _advice(fetched: Fetched) -> list[str]:
    if fetched.error or fetched.status != 200:
        return []
    said = []
    if fetched.moved_to:
        said.append(f"moved for good to {fetched.moved_to}: write that into feeds.yaml")
    if fetched.cut_short:
        said.append("the answer ended early; only its beginning was read")
    return said
