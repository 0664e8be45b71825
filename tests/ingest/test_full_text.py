"""Fetching the pages of candidates: which, how politely, and what becomes of the entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.fetching.addresses import make_policy
from services.ingest.fetching.fetch import Fetcher
from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.tables import entry, feed
from shared.database import transaction
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss

pytestmark = pytest.mark.servers

HTML = (("Content-Type", "text/html; charset=utf-8"),)
WORDS = "The hospital closed its emergency department after the attack; surgery is cancelled, doctors use paper. " * 6
PAGE = f"<html lang='en'><body><nav>Menu</nav><article><p>{WORDS}</p></article></body></html>".encode()
CANDIDATE = "Hospital hit by ransomware attack"


async def stored(engine: AsyncEngine) -> list[dict[str, Any]]:
    """Read every entry, in the order of their links."""
    async with transaction(engine) as connection:
        rows = await connection.execute(select(entry).order_by(entry.c.url, entry.c.feed_url, entry.c.revision))
        return [dict(row) for row in rows.mappings()]


def now() -> datetime:
    """The present, as feeds write it."""
    return datetime.now(UTC).replace(microsecond=0)


async def test_the_pages_of_candidates_alone_are_fetched(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Within robots rules; whatever goes wrong, the entry goes on with the feed's words and the reason."""
    server.answers |= {
        "/robots.txt": Answer(b"User-agent: *\nDisallow: /closed/\n", headers=(("Content-Type", "text/plain"),)),
        "/a": Answer(PAGE, headers=HTML),
        "/b-pdf": Answer(b"%PDF", headers=(("Content-Type", "application/pdf"),)),
        "/closed/c": Answer(PAGE, headers=HTML),
        "/e-football": Answer(PAGE, headers=HTML),
    }
    links = ["/a", "/b-pdf", "/closed/c", "/d-missing"]
    items = [item(path, CANDIDATE, "Short.", link=server.url(path), date=now()) for path in links]
    football = item("e", "Football results", "Short.", link=server.url("/e-football"), date=now())
    server.answers["/f"] = Answer(rss(*items, football))
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    await one_round(poller)
    rows = {row["url"].removeprefix(server.url("")): row for row in await stored(engine)}
    assert rows["/a"]["text"].startswith("The hospital closed")
    assert "with the full text of its page" in rows["/a"]["reason"]
    assert "application/pdf" in rows["/b-pdf"]["reason"]
    assert "robots.txt forbids" in rows["/closed/c"]["reason"]
    assert "answered 404" in rows["/d-missing"]["reason"]
    assert [rows[path]["text"] for path in ("/b-pdf", "/closed/c", "/d-missing", "/e-football")] == [""] * 4
    assert [server.times(path) for path in ("/robots.txt", "/closed/c", "/e-football")] == [1, 0, 0]
    # The fetched text is not part of what the entry is known by: nothing is new at the next poll.
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(next_poll_at=func.now(), body_hash=None))
    await one_round(poller)
    assert len(await stored(engine)) == 5
    assert server.times("/a") == 1


async def test_a_site_whose_robots_rules_cannot_be_read_is_left_alone(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """And a feed that wants no pages fetched gets none."""
    server.answers["/robots.txt"] = Answer(status=500)
    for path in ("/f", "/g"):
        link = item(path, CANDIDATE, "Short.", link=server.url(f"{path}/page"), date=now())
        server.answers[path] = Answer(rss(link))
    write_feeds(at, server.url("/f"), f"{{url: '{server.url('/g')}', full_text: never}}")
    await one_round(Poller(at, tools))
    reasons = [row["reason"] for row in await stored(engine)]
    assert "robots.txt cannot be read" in reasons[0]
    assert "full text" not in reasons[1]
    assert server.times("/f/page") == server.times("/g/page") == 0


async def test_a_private_source_opens_no_other_private_address(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Its links may be a stranger's: one that leads elsewhere into our network is refused, its own pages are read."""
    elsewhere = server.url("/inside").replace("127.0.0.1", "127.0.0.2")
    server.answers |= {"/a": Answer(PAGE, headers=HTML), "/inside": Answer(PAGE, headers=HTML)}
    links = {"a": server.url("/a"), "b": elsewhere}
    items = [item(name, CANDIDATE, "Short.", link=link, date=now()) for name, link in links.items()]
    server.answers["/f"] = Answer(rss(*items))
    write_feeds(at, f"url: {server.url('/f')}\n    allow_private: true")
    closed = Fetcher(make_policy(), user_agent="test")
    await one_round(Poller(at, replace(tools, public=closed)))
    await closed.aclose()
    reasons = {row["url"]: row["reason"] for row in await stored(engine)}
    assert "with the full text of its page" in reasons[links["a"]]
    assert "(refused: " in reasons[elsewhere], reasons[elsewhere]
    assert "/inside" not in [asked.path for asked in server.asked]
