"""Make news items and messages for tests."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from shared.events import NewsItem
from shared.headers import Trace, event_headers
from shared.ids import stable_id
from shared.publish import Outgoing, publish_all
from shared.topics import NEWS

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def news_item(name: str, *, title: str = "", text: str = "", published: datetime = NOON) -> NewsItem:
    """Make an item whose ids follow from `name`."""
    entry = stable_id("entry", name)
    return NewsItem(
        id=NewsItem.make_id(entry, title, text),
        entry_id=entry,
        feed="https://feed.example/rss",
        source="Feed",
        url=f"https://feed.example/{name}",
        title=title or f"Item {name}",
        text=text,
        published=published,
        first_seen=published,
    )


def news_message(item: NewsItem) -> Outgoing:
    """Make the message that ingest would publish for `item`."""
    headers = event_headers(
        item, event_id=item.id, source="ingest", time=item.first_seen, trace=Trace.start(item.entry_id)
    )
    return Outgoing(NEWS, item.key().encode(), item.model_dump_json().encode(), headers)


async def publish_news(producer: AIOKafkaProducer, *items: NewsItem) -> None:
    """Publish items and wait until Kafka has them."""
    await publish_all(producer, [news_message(item) for item in items])
