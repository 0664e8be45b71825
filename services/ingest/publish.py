"""Write polls that were read: the feeds' state, their entries and the messages that tell of them.

All of it is one transaction, for one feed or for several that were read at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.conclude import Conclusion, FeedState, conclude
from services.ingest.decide import Candidate, Decision, Known, Twin, Verdict, arrival, decide, ids_of
from services.ingest.fetching.fetch import Fetched
from services.ingest.full_text import FullText, with_page
from services.ingest.items import make_item, news_row
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.quiet import remember
from services.ingest.store import (
    Claim,
    hold_leases,
    known_entries,
    save_read,
    store_entries,
    told_elsewhere,
    twins_of,
)
from services.ingest.story.same import Stories, Told, describe
from services.ingest.tables import outbox
from shared.database import transaction
from shared.events import NewsItem
from shared.outbox import add_rows

MOST_ENTRIES = 1_500
"""Of all polls of one transaction; a larger one stands alone."""


@dataclass(frozen=True)
class Read:
    """What was read of one feed, or pushed."""

    state: FeedState
    parsed: ParsedFeed
    candidates: list[Candidate]
    pages: Mapping[str, FullText] = field(default_factory=dict)
    concerning: frozenset[str] | None = None
    """Entries whose words pass the gate; None: nobody asked. Copied texts are looked for among these alone."""


@dataclass(frozen=True)
class ReadPoll:
    """A poll of a feed whose document was read."""

    claim: Claim
    fetched: Fetched
    body_hash: str | None
    jitter: float
    read: Read


@dataclass(frozen=True)
class Published:
    """What was decided on a feed's entries, and which items follow."""

    decisions: list[Decision]
    items: list[NewsItem]


@dataclass(frozen=True)
class Recorded:
    """How a poll ended."""

    conclusion: Conclusion
    published: Published


async def record_read(engine: AsyncEngine, polls: Sequence[ReadPoll]) -> list[Recorded | None]:
    """Conclude and write; None for each whose lease was lost."""
    async with transaction(engine) as connection:
        now, held = await hold_leases(connection, [one.claim for one in polls])
        mine = [one for one in polls if one.claim.url in held]
        if now is None or not mine:
            return [None for _ in polls]
        published = await publish(connection, [one.read for one in mine], now)
        recorded: dict[str, Recorded] = {}
        rows = []
        for poll, result in zip(mine, published, strict=True):
            conclusion = conclude(
                poll.claim.state, poll.fetched, poll.read.parsed, body_hash=poll.body_hash, now=now, jitter=poll.jitter
            )
            recorded[poll.claim.url] = Recorded(conclusion, result)
            rows.append(_feed_row(poll, conclusion, result, now))
        await save_read(connection, rows)
    return [recorded.get(one.claim.url) for one in polls]


def _feed_row(poll: ReadPoll, conclusion: Conclusion, result: Published, now: datetime) -> dict[str, Any]:
    items = result.items
    new = [item.published or now for item in items if item.revision == 1]
    return dict(conclusion.values) | {
        "url": poll.claim.url,
        "ids": ids_of(result.decisions, poll.claim.state.ids),
        "added": len(new),
        "last_new_at": now if items else None,
        "recent": remember(poll.claim.state.recent, new, now) if new else None,
    }


async def look_up(connection: AsyncConnection, reads: Sequence[Read], now: datetime) -> list[list[Decision]]:
    """Decide on the entries of each feed by what is stored of them."""
    # Nothing is stored of a feed that was never read.
    seen = [one for one in reads if one.state.last_success_at is not None]
    known: dict[str, Known] = {}
    twins: dict[str, list[Twin]] = {}
    if seen:
        known = await known_entries(connection, [candidate for one in seen for candidate in one.candidates])
        unknown = {
            one.state.config.url: [candidate for candidate in one.candidates if candidate.entry_id not in known]
            for one in seen
        }
        twins = await twins_of(connection, unknown)
    return [
        decide(
            one.candidates,
            known,
            twins.get(one.state.config.url, ()),
            arrival(one.state.last_success_at, one.state.config.interval, now),
            now,
        )
        for one in reads
    ]


async def publish(connection: AsyncConnection, reads: Sequence[Read], now: datetime) -> list[Published]:
    """Store what is new, and put into the outbox what goes on; the table itself refuses a second time."""
    decided = await look_up(connection, reads, now)
    kept: list[list[Decision]] = []
    described: list[list[Told]] = []
    for one, decisions in zip(reads, decided, strict=True):
        kept.append([with_page(each, one.pages) for each in decisions if each.verdict is not Verdict.UNCHANGED])
        described.append([_describe(one, each) for each in kept[-1]])
        await _others_turn()
    fresh = [
        [told for told, each in zip(some, decisions, strict=True) if each.verdict is Verdict.NEW]
        for some, decisions in zip(described, kept, strict=True)
    ]
    # Feeds of one transaction may tell the same story, too.
    stories = Stories(await told_elsewhere(connection, [told for some in fresh for told in some]))
    rows: list[tuple[Told, Decision, NewsItem | None, Told | None]] = []
    items: list[list[NewsItem]] = []
    for one, decisions, some, new in zip(reads, kept, described, fresh, strict=True):
        title = one.parsed.title or one.state.title
        linked = stories.link(new)
        made: list[NewsItem] = []
        for each, told in zip(decisions, some, strict=True):
            before = linked.get(told.entry_id)
            told = replace(told, story=before.root) if before else told
            item = make_item(one.state, title, one.parsed.language, each, told.story) if each.published else None
            rows.append((told, each, item, before))
            made += [item] if item else []
        items.append(made)
        await _others_turn()
    written = await store_entries(connection, rows, now)
    published = [[item for item in group if item.entry_id in written] for group in items]
    messages = []
    for group in published:
        messages += [news_row(item) for item in group]
        await _others_turn()
    await add_rows(connection, outbox, messages)
    return [Published(decisions, group) for decisions, group in zip(decided, published, strict=True)]


async def _others_turn() -> None:
    """Let the event loop hand the parsers their next documents: a large batch would leave them idle."""
    await asyncio.sleep(0)


def _describe(one: Read, decision: Decision) -> Told:
    sketched = one.concerning is None or decision.candidate.entry_id in one.concerning
    told = describe(decision.candidate, one.state.config.url, sketched=sketched)
    return replace(told, story=decision.story) if decision.story else told
