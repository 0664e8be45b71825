"""One poll: fetch, parse, decide, then one transaction for all that follows.

The feed's state, its entries and the messages that tell of them are written together or not
at all. Whoever dies before the commit leaves the feed as it was, to be polled again; whoever
dies after it leaves rows in the outbox that the relay publishes. The full text of the few
candidates is fetched before that transaction, so that nothing waits in it for a stranger.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from ipaddress import ip_address
from pathlib import Path
from random import SystemRandom

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.conclude import Conclusion, FeedState, conclude, trouble
from services.ingest.decide import Candidate, identify
from services.ingest.fetching.addresses import Network
from services.ingest.fetching.fetch import Fetched, Fetcher, Validators
from services.ingest.fetching.robots import Robots
from services.ingest.fetching.spacing import HostSpacing
from services.ingest.fetching.wishes import wishes_of
from services.ingest.full_text import FullText, Pages, concerning, is_of_its_own, lacks_text, pages_wanted
from services.ingest.gather import Gather
from services.ingest.metrics import ENTRIES, PARSERS_KILLED, POLL_SECONDS, POLLS, PUBLISHER_TO_SEEN
from services.ingest.parsing.parsed import PARSER_VERSION, ParsedFeed
from services.ingest.parsing.parsers import Parsers
from services.ingest.publish import MOST_ENTRIES, Published, Read, ReadPoll, Recorded, look_up, record_read
from services.ingest.record import MOST, Quiet, record_unchanged
from services.ingest.sources.feeds import Feed
from services.ingest.store import Claim, hold_lease, save_feed
from services.ingest.story.urls import host_of
from shared import canary
from shared.crash import crash_point
from shared.database import database_now, transaction
from shared.events import Arrival, NewsItem
from shared.log import get_logger
from shared.settings import DEFAULT_SECRETS

log = get_logger()
_RANDOM = SystemRandom()


@dataclass
class Tools:
    """What a poll works with."""

    engine: AsyncEngine
    public: Fetcher
    private: Fetcher
    """For feeds whose configuration allows private addresses."""
    parsers: Parsers
    wake: asyncio.Event
    spacing: HostSpacing = field(default_factory=HostSpacing)
    internal: tuple[Network, ...] = ()
    """Networks of our own, whose hosts need no spacing."""
    robots: Robots = field(default_factory=Robots)
    secrets: Path = DEFAULT_SECRETS
    """The folder whose files headers may name."""
    writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    """Polls that may write at once: many fetch, but the database's connections are few."""
    unchanged: Gather[Quiet, Conclusion | None] = field(init=False)
    read: Gather[ReadPoll, Recorded | None] = field(init=False)

    def __post_init__(self) -> None:
        """Gather writes to this database."""
        self.unchanged = Gather(partial(record_unchanged, self.engine), most=MOST)
        self.read = Gather(
            partial(record_read, self.engine), most=MOST_ENTRIES, weight=lambda poll: len(poll.read.candidates)
        )

    def fetcher(self, config: Feed) -> Fetcher:
        """Return the fetcher that this feed may use."""
        return self.private if config.allow_private else self.public


@dataclass(frozen=True)
class Polled:
    """How a poll ended, with the items that it published."""

    outcome: str
    reason: str
    items: tuple[NewsItem, ...] = ()


_NOTHING = Published([], [])
LOST = Polled("lost", "the lease went to another process; nothing was written")


async def poll(claim: Claim, tools: Tools) -> Polled:
    """Poll one claimed feed and write what follows; raises Transient where the database is away."""
    started = time.monotonic()
    state = claim.state
    fetched = await _fetch(state, tools)
    parsed, body_hash = await _parse(state, fetched, tools)
    if trouble(fetched, state) or (parsed is not None and parsed.error):
        return await _failed(claim, fetched, parsed, tools)
    conclusion, published = await _record(claim, fetched, parsed, body_hash, tools)
    if conclusion is None:
        return LOST
    crash_point("ingest-after-commit")
    if published.items:
        tools.wake.set()
    POLLS.labels(conclusion.outcome).inc()
    POLL_SECONDS.observe(time.monotonic() - started)
    _tell(state, conclusion, parsed, published)
    return Polled(conclusion.outcome, conclusion.reason, tuple(published.items))


async def _record(
    claim: Claim, fetched: Fetched, parsed: ParsedFeed | None, body_hash: str | None, tools: Tools
) -> tuple[Conclusion | None, Published]:
    """Write a poll that went well, together with others that ended at the same moment."""
    if parsed is None:
        return await tools.unchanged.submit(Quiet(claim, fetched, _RANDOM.random())), _NOTHING
    candidates = identify(claim.url, parsed.entries, datetime.now(UTC))
    read = Read(claim.state, parsed, candidates)
    if candidates:
        concerned = await concerning(candidates)
        pages = await full_texts(read, concerned, tools)
        read = replace(read, pages=pages, concerning=frozenset(one.entry_id for one in concerned))
    recorded = await tools.read.submit(ReadPoll(claim, fetched, body_hash, _RANDOM.random(), read))
    return (recorded.conclusion, recorded.published) if recorded else (None, _NOTHING)


async def _failed(claim: Claim, fetched: Fetched, parsed: ParsedFeed | None, tools: Tools) -> Polled:
    """Write a poll that failed, or found that its feed has ended."""
    async with tools.writing, transaction(tools.engine) as connection:
        if (now := await hold_lease(connection, claim)) is None:
            return LOST
        conclusion = conclude(claim.state, fetched, parsed, body_hash=None, now=now, jitter=_RANDOM.random())
        await save_feed(connection, claim.url, conclusion.values)
    POLLS.labels(conclusion.outcome).inc()
    _tell(claim.state, conclusion, parsed, _NOTHING)
    return Polled(conclusion.outcome, conclusion.reason)


async def _fetch(state: FeedState, tools: Tools) -> Fetched:
    wishes = wishes_of(state.config, tools.secrets)
    validators = Validators(state.etag, state.last_modified, state.validator_url)
    host = "" if _is_internal(state, state.address, tools.internal) else host_of(state.address)
    async with tools.spacing.turn(host):
        return await tools.fetcher(state.config).fetch(state.address, validators, wishes)


def _is_internal(state: FeedState, url: str, internal: tuple[Network, ...]) -> bool:
    if state.config.allow_private:
        return True
    return _is_within(host_of(url), internal)


@lru_cache(4_096)
def _is_within(host: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


async def _parse(state: FeedState, fetched: Fetched, tools: Tools) -> tuple[ParsedFeed | None, str | None]:
    """Parse an answer that has something to parse: the same bytes as last time are left alone."""
    if trouble(fetched, state) or fetched.status != 200:
        return None, None
    how = json.dumps(state.config.how(), sort_keys=True) if state.config.how() else ""
    digest = hashlib.sha256(f"{PARSER_VERSION}:{how}:".encode() + fetched.body).hexdigest()
    if digest == state.body_hash and not fetched.cut_short:
        return None, digest
    killed = tools.parsers.killed
    parsed = await tools.parsers.parse(
        fetched.body,
        url=fetched.final_url,
        content_type=fetched.headers.get("content-type", ""),
        how=state.config.how(),
    )
    PARSERS_KILLED.inc(tools.parsers.killed - killed)
    return parsed, digest


async def full_texts(read: Read, concerning: Sequence[Candidate], tools: Tools) -> Mapping[str, FullText]:
    """Fetch the pages of candidates that will be published; most polls bring none and cost nothing here."""
    config = read.state.config
    concerned = [] if config.full_text == "never" else [one for one in concerning if lacks_text(one)]
    if not concerned:
        return {}
    async with tools.writing, transaction(tools.engine) as connection:
        [decisions] = await look_up(connection, [read], await database_now(connection))
    wanted = pages_wanted(decisions, concerned)
    pages = Pages(tools.parsers, tools.spacing, tools.robots)

    def way(url: str) -> tuple[Fetcher, str]:
        if is_of_its_own(config, url):
            return tools.private, ""
        host = host_of(url)
        return tools.public, "" if _is_within(host, tools.internal) else host

    return await pages.read(wanted, way)


def _tell(
    state: FeedState,
    conclusion: Conclusion,
    parsed: ParsedFeed | None,
    published: Published,
) -> None:
    name = state.config.name or (parsed.title if parsed else "") or state.title or state.config.label
    for verdict, count in Counter("new" if item.revision == 1 else "revised" for item in published.items).items():
        ENTRIES.labels(verdict).inc(count)
    for item in published.items:
        if item.revision == 1 and item.arrival is Arrival.LIVE and item.feed != canary.FEED:
            PUBLISHER_TO_SEEN.note(item.published, item.first_seen)
        log.info(
            "entry published",
            correlation_id=item.entry_id,
            item=item.id,
            revision=item.revision,
            arrival=item.arrival.value,
        )
    if published.items:
        counts = Counter(decision.verdict.value for decision in published.decisions)
        shown = state.config.url != canary.FEED
        log.info("read", feed=name, **{key: counts[key] for key in ("new", "revised") if counts[key]}, show=shown)
    # A feed's state is told when it changes, not at every poll.
    if conclusion.outcome == "failed" and state.last_error != conclusion.values["last_error"]:
        log.warning("feed fails", feed=name, reason=conclusion.reason, show=True)
    elif conclusion.outcome == "ended":
        log.warning("feed ended", feed=name, reason=conclusion.reason, show=True)
    elif conclusion.outcome != "failed" and state.failures:
        log.info("feed reads again", feed=name, failures=state.failures, show=True)
    moved = conclusion.values.get("moved_to")
    if moved and moved != state.moved_to:
        log.warning("feed moved", feed=name, to=moved, show=True)
