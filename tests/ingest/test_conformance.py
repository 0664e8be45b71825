"""What a publisher asks for is done: each rule over real HTTP into a real database, and kept over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.tables import feed, outbox
from shared.database import transaction
from shared.events import NewsItem
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss

pytestmark = pytest.mark.servers
HOUR = 3600.0
MINUTE = 60.0
ALL_HOURS_BUT_ONE = "".join(f"<hour>{hour}</hour>" for hour in range(24))
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def http_date(**ahead: float) -> str:
    """Write a moment as HTTP does."""
    return format_datetime(datetime.now(UTC) + timedelta(**ahead), usegmt=True)


async def row_after_a_poll(at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine) -> dict[str, Any]:
    """Poll once, restart, look whether it is polled again, and return the feed's row."""
    write_feeds(at, f"url: {server.url('/f')}\n    interval: 15m")
    await one_round(Poller(at, tools))
    assert await one_round(Poller(at, tools)) == 0
    assert server.times("/f") == 1
    async with transaction(engine) as connection:
        return dict((await connection.execute(select(feed))).mappings().one())


@pytest.mark.parametrize(
    ("extra", "headers", "seconds", "reason"),
    [
        ("", {}, 15 * MINUTE, "configured interval"),
        ("<ttl>60</ttl>", {}, HOUR, "ttl of the feed"),
        ("<ttl>5</ttl>", {}, 15 * MINUTE, "configured interval"),
        ("<ttl>100000</ttl>", {}, 4 * HOUR, "ttl of the feed"),
        ("<ttl>nonsense</ttl>", {}, 15 * MINUTE, "configured interval"),
        ("", {"Cache-Control": "public, max-age=3600"}, HOUR, "caching headers"),
        ("", {"Cache-Control": "max-age=3600", "Age": "1800"}, 30 * MINUTE, "caching headers"),
        ("", {"Cache-Control": "no-cache, max-age=3600"}, 15 * MINUTE, "configured interval"),
        ("", {"Cache-Control": "max-age=99999999999999999"}, 4 * HOUR, "caching headers"),
        # The publisher's clock is a day slow: what counts is how far Expires is from its own Date.
        (
            "",
            {"Date": lambda: http_date(days=-1), "Expires": lambda: http_date(days=-1, hours=2)},
            2 * HOUR,
            "caching headers",
        ),
        ("", {"Expires": "0"}, 15 * MINUTE, "configured interval"),
        # Retry-After is about errors; a 200 that carries one is no error.
        ("", {"Retry-After": "7200"}, 15 * MINUTE, "configured interval"),
    ],
)
async def test_a_publisher_says_when_to_come_back(
    at: Settings,
    tools: Tools,
    server: FeedServer,
    engine: AsyncEngine,
    extra: str,
    headers: dict[str, Any],
    seconds: float,
    reason: str,
) -> None:
    """The longest wish counts, capped; jitter only adds, a tenth of the interval at most."""
    given = tuple((name, value() if callable(value) else value) for name, value in headers.items())
    server.answers["/f"] = Answer(rss(item("a"), extra=extra), headers=given)
    row = await row_after_a_poll(at, tools, server, engine)
    waits = (row["next_poll_at"] - row["last_poll_at"]).total_seconds()
    assert seconds - 2 <= waits <= seconds + 91
    assert row["next_poll_reason"] == reason


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7200", 2 * HOUR), ("date", 2 * HOUR), ("9999999", 24 * HOUR), ("soon", 15 * MINUTE), ("-5", 15 * MINUTE)],
)
async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, status: int, value: str, seconds: float
) -> None:
    """In seconds or as a date; up to a day."""
    said = http_date(hours=2) if value == "date" else value
    server.answers["/f"] = Answer(status=status, headers=(("Retry-After", said),))
    row = await row_after_a_poll(at, tools, server, engine)
    waits = (row["next_poll_at"] - row["last_poll_at"]).total_seconds()
    assert seconds - 2 <= waits <= seconds + 91


async def test_skipped_hours_and_days_put_the_next_poll_off(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """By their UTC, and by a day at most where all of them are skipped."""
    today = DAYS[datetime.now(UTC).weekday()]
    tomorrow = DAYS[(datetime.now(UTC).weekday() + 1) % 7]
    extra = f"<skipHours>{ALL_HOURS_BUT_ONE}</skipHours><skipDays><day>{today}</day><day>{tomorrow}</day></skipDays>"
    server.answers["/f"] = Answer(rss(item("a"), extra=extra))
    row = await row_after_a_poll(at, tools, server, engine)
    waits = (row["next_poll_at"] - row["last_poll_at"]).total_seconds()
    assert 24 * HOUR <= waits <= 24 * HOUR + 17 * MINUTE
    assert row["next_poll_reason"] == "skipHours or skipDays of the feed"


@pytest.mark.parametrize(
    ("declared", "charset", "body"),
    [
        ("utf-8", "iso-8859-1", "Hôpital à l’arrêt".encode()),
        ("iso-8859-1", "utf-8", "Hôpital à l'arrêt".encode("latin-1")),
        ("utf-8", "no-such-charset", "Hôpital à l’arrêt".encode()),
    ],
)
async def test_an_encoding_that_lies_costs_no_entry(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, declared: str, charset: str, body: bytes
) -> None:
    """Neither the header's nor the document's is believed against the bytes."""
    document = rss(item("a", "TITLE")).replace(b"encoding='utf-8'", f"encoding='{declared}'".encode())
    content = (("Content-Type", f"application/rss+xml; charset={charset}"),)
    server.answers["/f"] = Answer(document.replace(b"TITLE", body), headers=content)
    await row_after_a_poll(at, tools, server, engine)
    [news] = await published(engine)
    assert news.title.startswith("H")
    assert news.title.endswith("t")
    assert "pital" in news.title


async def test_controls_bidi_and_markup_never_leave_ingest(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """What looks like another word, or does something, is gone; the words stay."""
    evil = "Safe\u202eevil\u2066 <script>alert(1)</script><img src=x onerror=alert(1)>&#8238;\u200bword"
    server.answers["/f"] = Answer(rss(item("a", evil, evil)))
    await row_after_a_poll(at, tools, server, engine)
    [news] = await published(engine)
    assert news.summary.split() == ["Safeevil", "word"]
    # A title is plain text to its publisher: it stays as it is written, and whoever shows it escapes it.
    assert news.title.startswith("Safeevil <script>")
    assert news.title.isprintable()


async def published(engine: AsyncEngine) -> list[NewsItem]:
    """Read the outbox."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox.c.value).order_by(outbox.c.id))).scalars().all()
    return [NewsItem.model_validate_json(value) for value in rows]
