"""What hostile or damaged input must not do: stop a consumer, a relay or a service for good."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import MetaData, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.launcher.diagnose.status import count_topics
from shared.config_file import parse_config
from shared.database import transaction
from shared.dead_letters import KEPT_BYTES, make_dead_letter, read_dead_letters
from shared.errors import ConfigError, Permanent, Transient
from shared.events import NewsItem
from shared.flood import LIMIT, WINDOW, FloodGauge
from shared.headers import read_trace
from shared.outbox import Relay, add_rows, outbox_table
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import DEAD_LETTER_BYTES, MAX_MESSAGE_BYTES, NEWS, dead
from tests.shared.news import news_item
from tests.shared.test_config_file import File
from tests.shared.test_outbox import relaying
from tests.waiting import wait_until


@pytest.mark.servers
@pytest.mark.parametrize(
    "statement", ["SELECT :value ::int", "SELECT 1 / :value", "INSERT INTO pg_temp.small VALUES (:value)"]
)
async def test_a_value_that_no_database_takes_is_not_taken_for_a_database_that_is_away(
    engine: AsyncEngine, statement: str
) -> None:
    """Retrying it for ever would stop the partition; it must be told from a fault that passes."""
    value = 0 if "/" in statement else 2**40

    async def refused() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE small (number int)"))
            await connection.execute(text(statement), {"value": value})

    with pytest.raises(SQLAlchemyError):
        await refused()


@pytest.mark.servers
async def test_a_database_that_is_away_is_a_fault_that_may_pass(engine: AsyncEngine) -> None:
    """The connection is cut from outside."""
    with pytest.raises(Transient):
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.servers
async def test_a_row_that_is_too_large_does_not_block_its_own_partition(
    topics: Settings, engine: AsyncEngine, producer: AIOKafkaProducer
) -> None:
    """Before, too large, after: the same key, so the same partition and the same producer's sequence."""
    metadata = MetaData(schema="hostile")
    table = outbox_table(metadata)
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE SCHEMA hostile"))
        await connection.run_sync(metadata.create_all)
        sizes = (10, MAX_MESSAGE_BYTES * 2, 10)
        rows = [{"topic": NEWS, "key": b"same", "value": os.urandom(size), "headers": []} for size in sizes]
        await add_rows(connection, table, rows)

    async def settled() -> list[bool]:
        async with transaction(engine) as connection:
            found = (await connection.execute(select(table).order_by(table.c.id))).mappings().all()
        done = all(row["published_at"] or row["refused_at"] for row in found)
        return [row["published_at"] is not None for row in found] if done else []

    async with relaying(Relay("hostile", table, engine, producer, asyncio.Event())):
        assert await wait_until(settled) == [True, False, True]


@pytest.mark.servers
async def test_rubbish_in_a_dead_letter_topic_hides_nothing_and_stops_nobody(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Somebody's tool wrote there."""
    record = SimpleNamespace(topic=NEWS, partition=0, offset=7, key=b"k", value=b"v", headers=())
    letter = make_dead_letter(record, Permanent("no"), group="g", now=datetime.now(UTC))  # type: ignore[arg-type]
    await publish_all(producer, [Outgoing(dead(NEWS), b"x", b"rubbish"), letter.to_message()])
    assert [one.origin for one in [found async for found in read_dead_letters(topics)]] == [f"{NEWS}:0:7"]
    assert {count.topic: count.dead for count in await count_topics(topics)}[NEWS] == 1


def test_a_dead_letter_always_fits_its_topic_however_large_the_original() -> None:
    """Compressed, a message may be far larger than what it weighs on the wire."""
    for size in (0, KEPT_BYTES - 200, KEPT_BYTES + 1, 50_000_000):
        headers = (("large", b"h" * (size // 2)),)
        record = SimpleNamespace(
            topic=NEWS, partition=1, offset=2, key=b"k" * (size // 4), value=b"v" * size, headers=headers
        )
        letter = make_dead_letter(record, Permanent("no"), group="g", now=datetime.now(UTC))  # type: ignore[arg-type]
        assert letter.to_message().size() <= DEAD_LETTER_BYTES
        assert bool(letter.cut) is (size * 1.75 > KEPT_BYTES)


def test_poison_that_is_spread_thinly_over_a_large_batch_is_no_flood() -> None:
    """Twenty among five hundred is four in a hundred."""
    gauge = FloodGauge()
    assert all(gauge.note(poison=number % 25 == 0) is None for number in range(500))
    dense = FloodGauge()
    assert any(dense.note(poison=number % (WINDOW // LIMIT) == 0) for number in range(WINDOW))


@pytest.mark.parametrize(
    "content", [b"feeds:\0", b"\x07", b"feeds: 2022-02-30", b"feeds: !!int x", b"[" * 1_200, b"\0" * 400]
)
def test_a_damaged_configuration_is_a_configuration_error(content: bytes) -> None:
    """A file full of NULs after a power cut must not keep a service down."""
    with pytest.raises(ConfigError, match=r"f\.yaml"):
        parse_config(content, File, name="f.yaml")


def test_a_nul_in_an_event_is_replaced_and_a_strange_correlation_id_ignored() -> None:
    """No database holds a NUL."""
    item = NewsItem.model_validate(news_item("x").model_dump() | {"title": "a\0b", "source": "\0"})
    assert "\0" not in item.title + item.source
    assert read_trace([("correlation_id", b"a\0b")], "fallback").correlation_id == "fallback"
