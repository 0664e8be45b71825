"""Stories of several feeds, polled and stored: linked, named in the message, kept through revisions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.tables import entry, feed, outbox
from services.ingest.why import entries
from shared.database import transaction
from shared.events import NewsItem
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss

pytestmark = pytest.mark.servers

HEADLINE = "Cyber attack shuts down the hospital of Exampletown"
WORDS = "The hospital of Exampletown has been hit by an attack on its computers since Saturday night, officials say."
OTHER = "Ten years ago this week our paper began to appear; we look back at what has been written in these columns."
COPIED = f"{WORDS} Its emergency department is closed, and ambulances take patients to the neighbouring towns."


async def stored(engine: AsyncEngine) -> dict[str, dict[str, Any]]:
    """Read the newest revision of every entry, by the path of its feed."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(entry).order_by(entry.c.revision))).mappings()
        return {"/" + row["feed_url"].rsplit("/", 1)[1]: dict(row) for row in rows}


def now() -> datetime:
    """The present, as feeds write it."""
    return datetime.now(UTC).replace(microsecond=0)


def serve(server: FeedServer, path: str, title: str, text: str, link: str) -> None:
    """Serve a feed of one entry."""
    server.answers[path] = Answer(rss(item(path, title, text, link=f"http://story.invalid/{link}", date=now())))


async def test_the_same_story_in_two_feeds_is_linked(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """By its page, by a headline over much the same words, by copied words; other words under it do not count."""
    pages = {
        "/a": (HEADLINE, COPIED, "n/1"),
        "/b": ("Another headline altogether", "Short.", "n/1?utm_source=x"),
        "/c": (HEADLINE, WORDS, "n/3"),
        "/d": (HEADLINE, OTHER, "n/4"),
        "/e": ("Hackers in the clinic", f"EXAMPLETOWN (Agency) {COPIED}", "n/5"),
    }
    for path, (title, text, link) in pages.items():
        serve(server, path, title, text, link)
        write_feeds(at, *(server.url(one) for one in pages if one <= path))
        await one_round(Poller(at, tools))
    rows = await stored(engine)
    assert rows["/a"]["story"] is None
    assert rows["/b"]["story"] == rows["/c"]["story"] == rows["/e"]["story"] == rows["/a"]["entry_id"]
    assert rows["/d"]["story"] is None
    assert "the same story as in" in rows["/b"]["reason"]
    async with transaction(engine) as connection:
        values = (await connection.execute(select(outbox.c.value).order_by(outbox.c.id))).scalars()
        items = {one.entry_id: one.story for one in map(NewsItem.model_validate_json, values)}
    assert items == {row["entry_id"]: row["story"] for row in rows.values()}
    assert {one.title for one in await entries(engine, "https://www.story.invalid/n/1/")} == {HEADLINE, pages["/b"][0]}


async def test_feeds_polled_together_are_linked_and_a_revision_keeps_its_story(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Whichever came first; an edit that no longer resembles the first stays with it."""
    serve(server, "/a", HEADLINE, COPIED, "n/1")
    serve(server, "/b", "Hackers in the clinic", COPIED, "n/2")
    write_feeds(at, server.url("/a"), server.url("/b"))
    poller = Poller(at, tools)
    await one_round(poller)
    told = {row["entry_id"]: row["story"] for row in (await stored(engine)).values()}
    assert sorted(story or "" for story in told.values()) == ["", next(one for one, story in told.items() if not story)]
    later = next(path for path, row in (await stored(engine)).items() if row["story"])
    serve(server, later, "Hospital of Exampletown: what we know of the attack", OTHER, "n/2")
    async with transaction(engine) as connection:
        await connection.execute(feed.update().values(next_poll_at=now(), body_hash=None))
    await one_round(poller)
    row = (await stored(engine))[later]
    assert row["revision"] == 2
    assert row["story"] == told[row["entry_id"]]
