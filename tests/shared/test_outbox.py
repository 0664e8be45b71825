"""The outbox and its relay, on a real database and a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import MetaData, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import open_engine, transaction
from shared.errors import Transient
from shared.headers import Trace
from shared.kafka import reader
from shared.outbox import Relay, add_rows, outbox_row, outbox_table
from shared.settings import Settings
from shared.topics import NEWS
from tests.shared.news import NOON, news_item
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
async def outbox(servers: object, engine: AsyncEngine) -> Table:
    """Make a schema with an outbox and nothing else."""
    metadata = MetaData(schema="probe")
    table = outbox_table(metadata)
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE SCHEMA probe"))
        await connection.run_sync(metadata.create_all)
    return table


@contextlib.asynccontextmanager
async def relaying(*relays: Relay) -> AsyncIterator[None]:
    """Run relays while inside."""
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def write(engine: AsyncEngine, table: Table, *names: str, padding: int = 0) -> None:
    """Write one news item for each name, in one transaction."""
    rows = []
    for name in names:
        item = news_item(name, text="x" * padding)
        trace = Trace.start(item.entry_id)
        rows.append(outbox_row(NEWS, item, event_id=item.id, source="probe", time=NOON, trace=trace))
    async with transaction(engine) as connection:
        await add_rows(connection, table, rows)


async def titles(settings: Settings) -> list[str]:
    """Read every title that stands in the topic, in order of each partition."""
    found = []
    async with reader(settings, NEWS) as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += [news.split(b'"title":"')[1].split(b'"')[0].decode() for news in (r.value for r in records)]
    return found


async def waiting(engine: AsyncEngine, table: Table) -> int:
    """Count the rows that are neither published nor refused."""
    async with transaction(engine) as connection:
        query = select(func.count()).where(table.c.published_at.is_(None), table.c.refused_at.is_(None))
        return int(await connection.scalar(query) or 0)


async def test_rows_are_published_once_and_marked_after_the_brokers_word(
    topics: Settings, engine: AsyncEngine, producer: AIOKafkaProducer, outbox: Table
) -> None:
    """What is written beside a change reaches the topic, and only then is it marked."""
    relay = Relay("probe", outbox, engine, producer, asyncio.Event())
    await write(engine, outbox, *[str(number) for number in range(1_200)])
    async with relaying(relay):
        await wait_until(lambda: _empty(engine, outbox))
        await write(engine, outbox, "woken")
        relay.wake.set()
        await wait_until(lambda: _empty(engine, outbox))
    assert sorted(await titles(topics)) == sorted([f"Item {number}" for number in range(1_200)] + ["Item woken"])


async def _empty(engine: AsyncEngine, table: Table) -> bool:
    return await waiting(engine, table) == 0


async def test_a_row_that_kafka_refuses_is_set_aside_and_does_not_block_the_rest(
    topics: Settings, engine: AsyncEngine, producer: AIOKafkaProducer, outbox: Table
) -> None:
    """A message over the topic's limit is refused for good; those behind it are published."""
    await write(engine, outbox, "before")
    async with transaction(engine) as connection:
        # Bytes that do not compress: the limit counts what travels.
        await connection.execute(
            text(
                "INSERT INTO probe.outbox (topic, key, value, headers) SELECT :topic, 'k', "
                "string_agg(decode(md5(n::text || random()::text), 'hex'), ''), '[]' FROM generate_series(1, 60000) n"
            ),
            {"topic": NEWS},
        )
    await write(engine, outbox, "after")
    async with relaying(Relay("probe", outbox, engine, producer, asyncio.Event())):
        await wait_until(lambda: _empty(engine, outbox))
    async with transaction(engine) as connection:
        errors = (await connection.execute(select(outbox.c.error).where(outbox.c.refused_at.is_not(None)))).scalars()
    assert ["over the limit" in str(error) for error in errors] == [True]
    assert sorted(await titles(topics)) == ["Item after", "Item before"]


async def test_two_relays_never_publish_the_same_outbox_at_once(
    topics: Settings, engine: AsyncEngine, producer: AIOKafkaProducer, outbox: Table
) -> None:
    """The advisory lock lets one publish; when it ends, the other takes over."""
    first = Relay("probe", outbox, engine, producer, asyncio.Event())
    second = Relay("probe", outbox, engine, producer, asyncio.Event())
    async with relaying(second):
        async with relaying(first):
            await wait_until(lambda: first.holding or second.holding)
            await write(engine, outbox, *[str(number) for number in range(50)])
            await wait_until(lambda: _empty(engine, outbox))
            assert not (first.holding and second.holding)
        await wait_until(lambda: second.holding, what="the take-over")
        await write(engine, outbox, "taken over")
        await wait_until(lambda: _empty(engine, outbox))
    assert len(await titles(topics)) == 51


class _CutOff(Relay):
    """A relay whose process alone does not reach Kafka."""

    tries = 0

    async def _publish_until_empty(self, _connection: object) -> None:
        self.tries += 1
        raise Transient("Kafka is away")


async def test_a_relay_that_cannot_publish_lets_another_process_do_it(
    topics: Settings, engine: AsyncEngine, settings: Settings, producer: AIOKafkaProducer, outbox: Table
) -> None:
    """Give the lock away with every fault, instead of keeping it in the pool of connections."""
    elsewhere = open_engine(settings)
    cut_off = _CutOff("probe", outbox, engine, producer, asyncio.Event())
    other = Relay("probe", outbox, elsewhere, producer, asyncio.Event())
    try:
        async with relaying(cut_off):
            await wait_until(lambda: cut_off.tries, what="the one that is cut off has the lock")
            await write(engine, outbox, "one", "two")
            async with relaying(other):
                await wait_until(lambda: _empty(engine, outbox), what="the other takes over")
    finally:
        await elsewhere.dispose()
    assert sorted(await titles(topics)) == ["Item one", "Item two"]
