"""Who wants it is told once a week that somebody is still watching."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import DAYS, Subscription, Subscriptions, Weekly, read_subscriptions
from services.notifier.handle import Handler
from services.notifier.render_chat import chat_title, render_chat
from services.notifier.render_html import render_html
from services.notifier.render_text import render_text
from services.notifier.tables import delivery
from services.notifier.watch import Watch
from services.notifier.weekly import LATEST, Week, is_due, last_due, weekly_message
from shared.errors import ConfigError
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import NEWS
from shared.trouble_board import Board
from tests.notifier.alert_samples import LONG_AGO, NOW, alert, received, sings, subscription, subscriptions

TUESDAY = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
MONDAY_8 = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekly", "due"),
    [
        (Weekly(), MONDAY_8),
        (Weekly(day="tuesday", hour=3), datetime(2026, 11, 24, 3, tzinfo=UTC)),
        (Weekly(day="tuesday", hour=4), datetime(2026, 11, 17, 4, tzinfo=UTC)),
        (Weekly(day="sunday", hour=23), datetime(2026, 11, 22, 23, tzinfo=UTC)),
        # At 03:12 UTC it is 04:12 in Paris and 14:12 in Sydney.
        (Weekly(day="tuesday", hour=4, timezone="Europe/Paris"), datetime(2026, 11, 24, 3, tzinfo=UTC)),
        (Weekly(day="tuesday", hour=14, timezone="Australia/Sydney"), datetime(2026, 11, 24, 3, tzinfo=UTC)),
    ],
)
def test_it_is_due_at_the_day_and_hour_that_were_asked_for(weekly: Weekly, due: datetime) -> None:
    """In the reader's own time zone."""
    assert last_due(weekly, TUESDAY) == due


@pytest.mark.parametrize(
    ("wanted", "since", "now", "due"),
    [
        (subscription(weekly=True), LONG_AGO, TUESDAY, MONDAY_8),
        (subscription(), LONG_AGO, TUESDAY, None),
        (subscription(weekly=False), LONG_AGO, TUESDAY, None),
        # Subscribed after it was due: the next one.
        (subscription(weekly=True), MONDAY_8 + timedelta(minutes=1), TUESDAY, None),
        # Away for long: the message of a week that is over says nothing of today.
        (subscription(weekly=True), LONG_AGO, MONDAY_8 + LATEST + timedelta(minutes=1), None),
        (subscription(weekly=True), None, TUESDAY, None),
    ],
)
def test_only_who_wants_it_is_told_and_never_too_late(
    wanted: Subscription, since: datetime | None, now: datetime, due: datetime | None
) -> None:
    """The moment it is due for is what makes it one message."""
    assert is_due(wanted, since, now) == due


def test_it_says_what_was_done_in_every_form() -> None:
    """Calm, and with what a reader can check."""
    feeds = {"feeds_alive": 41, "feeds_quiet": 1, "feeds_failing": 2}
    message = weekly_message(Week(4812, 3, 1, 2, feeds), "duty", NOW)
    for words in (
        "4,812 items read from news",
        "41 feeds alive, 1 quiet, 2 failing",
        "3 incidents seen, 1 of them told to you",
        "2 messages sent to you",
        "No alert does not mean",
    ):
        assert words in " ".join(render_text(message).split())
        assert words in render_html(message)
        assert words in render_chat(message)
    assert "Still watching" in chat_title(message)
    assert "of 5" not in render_html(message)


def test_the_file_takes_a_plain_yes_or_a_day_and_an_hour(tmp_path: Path) -> None:
    """And names what is wrong."""
    text_of = (
        "channels:\n  mail: {{kind: email, to: a@b.example}}\n"
        "subscriptions:\n  - {{name: one, channels: [mail], weekly: {}}}\n"
    )
    settings = Settings(config=tmp_path)
    file = tmp_path / "subscriptions.yaml"
    for written, read in (
        ("true", Weekly()),
        ("false", None),
        ("{day: friday, hour: 17, timezone: Europe/Paris}", Weekly(day="friday", hour=17, timezone="Europe/Paris")),
    ):
        file.write_text(text_of.format(written))
        assert read_subscriptions(settings).subscriptions[0].weekly == read
    for wrong in ("{day: someday}", "{hour: 24}", "{timezone: Mars/Olympus}", "{hours: 3}", "daily"):
        file.write_text(text_of.format(wrong))
        with pytest.raises(ConfigError, match=r"subscriptions\.yaml"):
            read_subscriptions(settings)


@pytest.mark.servers
async def test_it_is_sent_once_for_each_week_and_subscription_whoever_looks(
    engine: AsyncEngine, settings: Settings, producer: AIOKafkaProducer, topics: Settings
) -> None:
    """Two processes look again and again; what they count comes from Kafka, from ingest's word, and from themselves."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
        now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    weekly = {"day": DAYS[now.weekday()], "hour": now.hour}
    wanted = subscriptions(subscription(weekly=weekly), subscription(name="other"))

    def config() -> Subscriptions:
        return wanted

    await Handler(engine, config)(received(alert(), alert(2, level=1, peak=1), sings(3)))
    # Three records, one of them the canary's.
    await publish_all(producer, [Outgoing(NEWS, b"k", b"{}") for _ in range(3)])
    board = Board("ingest", producer)
    board.figures("feeds", lambda: asyncio.sleep(0, {"feeds_alive": 7, "feeds_quiet": 1, "feeds_failing": 0}))
    await board.turn()
    watches = [Watch(engine, settings, config, asyncio.Event()) for _ in range(2)]
    for _ in range(2):
        await asyncio.gather(*(watch.look() for watch in watches))
    query = select(delivery.c.subscription, delivery.c.message).where(delivery.c.purpose == "weekly")
    async with engine.connect() as connection:
        ((name, message),) = (await connection.execute(query)).all()
    assert name == "duty"
    assert message["changes"] == [
        "2 items read from news",
        "7 feeds alive, 1 quiet, 0 failing",
        "2 incidents seen, 1 of them told to you",
        "0 messages sent to you",
    ]
