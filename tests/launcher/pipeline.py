"""Walk an item down the whole road in one process: the services' own code, one step at a time, on a real PostgreSQL.

What Kafka does is done by hand, so that a test can stop between any two steps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import ConsumerRecord
from sqlalchemy import Table, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.classifier.handle import judge_batch, write_reports
from services.ingest.conclude import FeedState
from services.ingest.decide import identify
from services.ingest.parsing.parsed import ParsedEntry, ParsedFeed
from services.ingest.publish import Read, publish
from services.ingest.sources.feeds import Feed
from services.ingest.tables import outbox as ingest_outbox
from services.notifier.config import Channel, Subscription, Subscriptions
from services.notifier.deliver import Deliverer
from services.notifier.handle import Handler
from services.tracker.handle import handler as tracker_handler
from services.tracker.tables import outbox as tracker_outbox
from shared.consume import Received, parse
from shared.database import transaction
from shared.events import Alert, Event, NewsItem, Report
from shared.publish import Outgoing
from shared.settings import Settings
from shared.topics import ALERTS, NEWS, REPORTS
from tests.waiting import wait_until

ATTACK = (
    "Ransomware has encrypted the servers of Valmont General Hospital, the hospital confirmed on Monday. "
    "The emergency department is closed and ambulances are diverted to other hospitals. Staff work with pen and paper."
)
HEADLINE = "Cyberattack on Valmont General Hospital: emergency department closed"
HARMLESS = "The cyberattack drill at Valmont General Hospital was an exercise, and care was never affected."
BEFORE_ANYBODY = [
    "published",
    "seen",
    "in codegrey.news",
    "judged",
    "in codegrey.reports",
    "merged",
    "in codegrey.alerts",
    "matched",
]
"""The points of the road that an item passes before anybody is told."""
ARTICLE = "https://news.example.co.uk/valmont"


def record(message: Outgoing, offset: int) -> ConsumerRecord[Any, Any]:
    """Write a message as Kafka would hand it over, taken in just now."""
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    value, key = message.value, message.key
    return ConsumerRecord(message.topic, 0, offset, stamp, 1, key, value, None, -1, len(value or b""), message.headers)


@dataclass
class Pipeline:
    """The road from a feed to a mailbox; each method is one step of it."""

    engine: AsyncEngine
    settings: Settings
    port: int = 1
    """Of the mail server; by default nobody listens there."""
    wanted: list[Subscription] = field(default_factory=list)
    reports: list[Outgoing] = field(default_factory=list)

    async def see(
        self, url: str = ARTICLE, title: str = HEADLINE, body: str = ATTACK, *, age: timedelta = timedelta(minutes=30)
    ) -> None:
        """Read an entry from a feed that was read before."""
        now = datetime.now(UTC)
        state = FeedState(Feed(url="https://news.example.co.uk/rss"), last_success_at=now - timedelta(minutes=15))
        entry = ParsedEntry(url, url, title, body, "", "en", now - age)
        async with transaction(self.engine) as connection:
            candidates = identify(state.config.url, [entry], now)
            await publish(connection, [Read(state, ParsedFeed(entries=(entry,)), candidates)], now)

    async def judge(self) -> None:
        """Publish what ingest holds, and let the classifier judge it."""
        news = await self._published(ingest_outbox, NEWS, NewsItem)
        self.reports += [message for _, message in write_reports(judge_batch(news)[0], datetime.now(UTC))]

    async def merge(self) -> None:
        """Hand the tracker the reports."""
        handed: list[Received[Report]] = [parse(record(one, number), Report) for number, one in enumerate(self.reports)]
        assert all(one.topic == REPORTS for one in handed)
        await tracker_handler(self.engine, asyncio.Event())(handed)

    async def match(self) -> None:
        """Publish the tracker's alerts, and let the notifier decide."""
        async with transaction(self.engine) as connection:
            await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
        alerts = await self._published(tracker_outbox, ALERTS, Alert)
        await Handler(self.engine, self.config)(alerts)

    async def send(self) -> None:
        """Send what is queued, once."""
        settings = self.settings.model_copy(
            update={
                "smtp_host": "127.0.0.1",
                "smtp_port": self.port,
                "smtp_security": "none",
                "smtp_from": "a@b.example",
            }
        )
        sending = asyncio.create_task(Deliverer(self.engine, settings, self.config, asyncio.Event()).run())
        try:
            await wait_until(self._tried, what="an attempt at everything that is queued")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _tried(self) -> bool:
        untried = "SELECT (SELECT count(*) FROM notifier.delivery WHERE state = 'sending' OR attempts = 0) + "
        folded = "(SELECT count(*) FROM notifier.notice WHERE message IS NOT NULL AND list_id IS NULL)"
        async with transaction(self.engine) as connection:
            return await connection.scalar(text(untried + folded)) == 0

    async def all(self) -> None:
        """Walk the whole road."""
        await self.see()
        await self.judge()
        await self.merge()
        await self.match()
        await self.send()

    def config(self) -> Subscriptions:
        """Return who wants what: by default one subscription that wants everything."""
        wanted = self.wanted or [Subscription(name="duty", channels=("mail",))]
        return Subscriptions(
            channels={"mail": Channel(kind="email", to=("duty@hospital.example",))}, subscriptions=tuple(wanted)
        )

    async def _published(self, outbox: Table, topic: str, event: type[Event]) -> list[Received[Any]]:
        """Do what the relay does, and hand over what is new."""
        async with transaction(self.engine) as connection:
            waiting = select(outbox).where(outbox.c.published_at.is_(None)).order_by(outbox.c.id)
            rows = (await connection.execute(waiting)).mappings().all()
            await connection.execute(update(outbox).values(published_at=func.clock_timestamp()))
        messages = [
            Outgoing(topic, row["key"], row["value"], [(n, v.encode()) for n, v in row["headers"]]) for row in rows
        ]
        return [parse(record(one, number), event) for number, one in enumerate(messages)]
