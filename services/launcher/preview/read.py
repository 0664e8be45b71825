"""Read feeds once for a preview, by the same rules as the service; nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from services.ingest.check import CONCURRENCY, WITHIN_S
from services.ingest.conclude import FeedState, trouble
from services.ingest.decide import UNDATED_TAKEN, Decision, decide, identify
from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.fetch import Fetcher
from services.ingest.fetching.robots import Robots
from services.ingest.fetching.spacing import HostSpacing
from services.ingest.fetching.user_agent import user_agent
from services.ingest.fetching.wishes import wishes_of
from services.ingest.full_text import Pages, is_of_its_own, lacks_text, may_concern_us, pages_wanted, with_page
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.parsing.parsers import Parsers
from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile, feeds_path, included, load_feeds
from services.ingest.story.urls import canonical_url, host_of
from shared.config_file import read_config
from shared.events import Arrival
from shared.settings import Settings

STARTER = Path(__file__).resolve().parents[3] / "config"
"""The feeds that come with the program, for those who have configured none."""


@dataclass(frozen=True)
class FeedRead:
    """What one feed held, or why it could not be read."""

    feed: Feed
    parsed: ParsedFeed
    entries: int = 0
    """Of the days that were asked for."""
    concerning: tuple[Decision, ...] = ()
    """Those whose words pass the gate, with the text of their page where that was fetched."""
    error: str | None = None

    @property
    def name(self) -> str:
        """Return how alerts would call it."""
        return self.feed.name or self.parsed.title or self.feed.label


def choose_feeds(settings: Settings, file: Path | None) -> tuple[FeedsFile, str]:
    """Read the feeds of `file`, else the configured ones, else those that come with the program; say which."""
    if file is not None:
        main = read_config(file, FeedsFile)
        contents = [main, *(read_config(part, FeedsFile) for part in included(file, main))]
        feeds = {canonical_url(feed.url): feed for content in contents for feed in content.all_feeds()}
        polite = [host for content in contents for host in content.polite]
        return main.model_copy(update={"feeds": list(feeds.values()), "searches": [], "polite": polite}), str(file)
    if feeds_path(settings).exists():
        return load_feeds(settings), str(feeds_path(settings))
    return load_feeds(settings.model_copy(update={"config": STARTER})), "the starter feeds"


class Reader:
    """Fetch, parse and decide as ingest does; each feed at most once."""

    def __init__(self, settings: Settings, file: FeedsFile, days: int, now: datetime) -> None:
        networks = parse_networks(settings.private_feeds)
        agent = user_agent(file.contact)
        self._public, self._private = (
            Fetcher(
                make_policy(networks, allow_private=opened),
                user_agent=agent,
                within_s=WITHIN_S,
                connections=CONCURRENCY,
            )
            for opened in (False, True)
        )
        self._parsers = Parsers(languages=True)
        self._spacing = HostSpacing()
        self._spacing.services = tuple(host.lower() for host in file.polite)
        self._robots = Robots()
        self._secrets = settings.secrets_dir
        self._since = now - timedelta(days=days)
        self._now = now

    async def aclose(self) -> None:
        """End the parsers and close all connections."""
        await self._parsers.close()
        await self._public.aclose()
        await self._private.aclose()

    async def each(self, feeds: Sequence[Feed]) -> AsyncIterator[FeedRead]:
        """Yield what each feed held, the quickest first; whatever goes wrong stands in it."""
        slots = asyncio.Semaphore(CONCURRENCY)

        async def one(feed: Feed) -> FeedRead:
            async with self._spacing.turn("" if feed.allow_private else host_of(feed.url)), slots:
                return await self._one(feed)

        tasks = [asyncio.create_task(one(feed)) for feed in feeds]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, feed: Feed) -> FeedRead:
        try:
            return await self._read(feed)
        except Exception as fault:  # one feed's fault must not cost the others
            return FeedRead(feed, ParsedFeed(), error=f"internal fault: {type(fault).__name__}: {fault}"[:300])

    async def _read(self, feed: Feed) -> FeedRead:
        fetcher = self._private if feed.allow_private else self._public
        fetched = await fetcher.fetch(feed.url, wishes=wishes_of(feed, self._secrets))
        fault = trouble(fetched, FeedState(config=feed))
        if fault:
            return FeedRead(feed, ParsedFeed(), error=fault)
        kind = fetched.headers.get("content-type", "")
        parsed = await self._parsers.parse(fetched.body, url=fetched.final_url, content_type=kind, how=feed.how())
        if parsed.error:
            return FeedRead(feed, parsed, error=parsed.error)
        decided = decide(identify(feed.url, parsed.entries, self._now), {}, (), Arrival.LIVE, self._now)
        recent = list(self._recent(decided))
        passed = await asyncio.to_thread(may_concern_us, [one.candidate for one in recent])
        ids = {one.entry_id for one in passed}
        concerning = [one for one in recent if one.candidate.entry_id in ids]
        if feed.full_text != "never":
            pages = Pages(self._parsers, self._spacing, self._robots)
            wanted = pages_wanted(concerning, [one for one in passed if lacks_text(one)])
            read = await pages.read(wanted, partial(self._way, feed))
            concerning = [with_page(one, read) for one in concerning]
        return FeedRead(feed, parsed, len(recent), tuple(concerning))

    def _way(self, feed: Feed, url: str) -> tuple[Fetcher, str]:
        return (self._private, "") if is_of_its_own(feed, url) else (self._public, host_of(url))

    def _recent(self, decided: Sequence[Decision]) -> Iterator[Decision]:
        """Yield the entries of the days, and the first few of those without a date."""
        undated = 0
        for one in decided:
            published = one.candidate.entry.published
            undated += published is None
            if one.published and (published >= self._since if published else undated <= UNDATED_TAKEN):
                yield one


@asynccontextmanager
async def reading(settings: Settings, file: FeedsFile, days: int, now: datetime) -> AsyncIterator[Reader]:
    """Keep a reader while inside."""
    reader = Reader(settings, file, days, now)
    try:
        yield reader
    finally:
        await reader.aclose()
