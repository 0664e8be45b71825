"""Fetch feeds once and show what would be read; writes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.ingest.fetching.caching import fresh_for
from services.ingest.fetching.fetch import Fetched, Fetcher, Wishes
from services.ingest.fetching.spacing import HostSpacing
from services.ingest.fetching.wishes import wishes_of
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.parsing.parsers import Parsers
from services.ingest.sources.feeds import Feed
from services.ingest.story.urls import host_of

CONCURRENCY = 24
WITHIN_S = 30.0
"""Seconds for one answer: shorter than the service's own patience, since somebody waits."""
_AHEAD = 400
"""Feeds under way or waiting to be printed: memory stays flat for thousands, and a slow one holds none up."""


@dataclass(frozen=True)
class Subject:
    """One address to check, with what is configured for it."""

    url: str
    wishes: Wishes | None = None
    how: dict[str, Any] = field(default_factory=dict)
    private: bool = False

    @classmethod
    def of(cls, feed: Feed, secrets: Path) -> Subject:
        """Take a configured feed as the service would read it."""
        return cls(feed.url, wishes_of(feed, secrets), feed.how(), feed.allow_private)


@dataclass(frozen=True)
class Checked:
    """What `feeds check --json` prints, beside what only people are told."""

    found: dict[str, Any]
    notes: Callable[[], list[str]]
    behind: tuple[str, ...] = ()
    """Feeds that a web page names as its own."""


class Checker:
    """Check addresses within the same limits as the service."""

    def __init__(
        self, public: Fetcher, private: Fetcher, *, polite: bool, size: int | None = None, many: bool = False
    ) -> None:
        self._public = public
        self._private = private
        self._parsers = Parsers(size, languages=many)
        self._spacing = HostSpacing(0.5) if polite else None

    async def aclose(self) -> None:
        """End the parsers."""
        await self._parsers.close()

    async def each(self, subjects: Iterable[Subject]) -> AsyncIterator[Checked]:
        """Yield one finding for each address, in their order; whatever goes wrong stands in it."""
        preparing = asyncio.create_task(self._parsers.prepare())
        slots = asyncio.Semaphore(CONCURRENCY)
        waiting: deque[asyncio.Task[Checked]] = deque()

        async def one(subject: Subject) -> Checked:
            async with slots:
                return await self.one(subject)

        try:
            for subject in subjects:
                waiting.append(asyncio.create_task(one(subject)))
                if len(waiting) >= _AHEAD:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in (preparing, *waiting):
                task.cancel()
            await asyncio.gather(preparing, *waiting, return_exceptions=True)

    async def one(self, subject: Subject) -> Checked:
        """Check one address; never raises."""
        try:
            return await self._check(subject)
        except Exception as fault:
            failed = Fetched(subject.url, subject.url, error=f"internal fault: {type(fault).__name__}: {fault}"[:300])
            return Checked(finding(failed, ParsedFeed()), list)

    async def _check(self, subject: Subject) -> Checked:
        fetcher = self._private if subject.private else self._public
        if self._spacing is not None and not subject.private:
            async with self._spacing.turn(host_of(subject.url)):
                fetched = await fetcher.fetch(subject.url, wishes=subject.wishes)
        else:
            fetched = await fetcher.fetch(subject.url, wishes=subject.wishes)
        parsed = ParsedFeed()
        # A refusal may carry a feed all the same; it is shown, beside the refusal.
        if fetched.error is None and (fetched.status == 200 or fetched.body):
            kind = fetched.headers.get("content-type", "")
            parsed = await self._parsers.parse(fetched.body, url=fetched.final_url, content_type=kind, how=subject.how)
        return Checked(finding(fetched, parsed), lambda: _notes(fetched, parsed), parsed.behind)


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


def _notes(fetched: Fetched, parsed: ParsedFeed) -> list[str]:
    """Say how the publisher serves it: time, size, validators, wishes."""
    if fetched.error or fetched.status != 200:
        return []
    given = fetched.validators()
    names = [name for name, value in (("ETag", given.etag), ("Last-Modified", given.last_modified)) if value]
    lines = [
        f"{fetched.seconds:.2f} s, {len(fetched.body) / 1000:.0f} kB; "
        + (f"{' and '.join(names)}: polls without news cost little" if names else "no validators: every poll costs all")
    ]
    wish = max(fresh_for(fetched.headers, datetime.now(UTC)), parsed.ttl_s)
    if wish > 15 * 60:
        lines.append(f"its publisher asks for {wish / 60:.0f} minutes between polls")
    if parsed.skip_hours or parsed.skip_days:
        lines.append("its publisher wants some hours or days skipped")
    if parsed.hub:
        lines.append(f"it offers WebSub at {parsed.hub}")
    return lines
