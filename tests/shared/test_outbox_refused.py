"""What Kafka refused for good is listed, tried again or dropped, in every outbox there is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.tables import outbox
from shared.outbox import Relay
from shared.outbox_refused import drop_refused, list_refused, outboxes, retry_refused
from shared.settings import Settings
from shared.topics import ALERTS
from shared.trouble_outbox import refused_rows
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


async def refuse(engine: AsyncEngine, schema: str, value: bytes = b"{}") -> str:
    """Write a row that was set aside; return its name."""
    statement = text(
        f"INSERT INTO {schema}.outbox (topic, key, value, headers, refused_at, error) VALUES ('codegrey.alerts',"
        " convert_to('key-of-it', 'UTF8'), :value, CAST(:headers AS jsonb), now(), 'too large') RETURNING id"
    )
    async with engine.begin() as connection:
        number = await connection.scalar(statement, {"value": value, "headers": '[["ce_id", "the-event"]]'})
    return f"{schema}:{number}"


def test_every_outbox_is_looked_at() -> None:
    """Two services have one."""
    assert [table.schema for table in outboxes()] == ["ingest", "tracker"]


async def test_what_was_set_aside_is_listed_and_settled_by_name(engine: AsyncEngine) -> None:
    """Retry one of each schema, drop another; names that nobody has change nothing."""
    first, second = await refuse(engine, "tracker"), await refuse(engine, "ingest")
    third = await refuse(engine, "tracker", b"x" * 1_000)
    rows = await list_refused(engine)
    assert [row.name for row in rows] == [first, second, third]
    assert (rows[0].event, rows[0].key, rows[0].bytes, rows[0].reason) == ("the-event", "key-of-it", 2, "too large")
    strange = ["tracker:999", "tracker:", "nobody:1", "tracker:9999999999999999999999", "ingest:x"]
    assert await retry_refused(engine, strange) == await drop_refused(engine, strange) == []
    assert sorted(await retry_refused(engine, [first, second])) == sorted([first, second])
    assert [row.name for row in await list_refused(engine)] == [third]
    assert await drop_refused(engine, [third]) == [third]
    assert await list_refused(engine) == []
    assert await refused_rows(engine, outbox) == []
    assert await retry_refused(engine, [third]) == await drop_refused(engine, [third]) == []
    async with engine.connect() as connection:
        left = text("SELECT error, length(value) AS bytes FROM tracker.outbox WHERE refused_at IS NOT NULL")
        (row,) = (await connection.execute(left)).all()
    assert (row.error, row.bytes) == ("dropped by a person: too large", 0)


async def test_a_row_that_is_tried_again_is_published_or_set_aside_again(
    topics: Settings, engine: AsyncEngine, producer: AIOKafkaProducer
) -> None:
    """Its cause was mended for one, not for the other; a row that was dropped is never published."""
    good, dropped = await refuse(engine, "tracker"), await refuse(engine, "tracker")
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO tracker.outbox (topic, key, value, headers, refused_at, error) SELECT :topic, 'k', "
                "string_agg(decode(md5(n::text || random()::text), 'hex'), ''), '[]', now(), 'over the limit' "
                "FROM generate_series(1, 60000) n"
            ),
            {"topic": ALERTS},
        )
    large = (await list_refused(engine))[-1].name
    assert await drop_refused(engine, [dropped]) == [dropped]
    before = datetime.now(UTC)
    assert len(await retry_refused(engine, [good, large])) == 2
    relay = asyncio.create_task(Relay("tracker", outbox, engine, producer, asyncio.Event()).run())

    async def settled() -> bool:
        waiting = text("SELECT count(*) FROM tracker.outbox WHERE published_at IS NULL AND refused_at IS NULL")
        async with engine.connect() as connection:
            return not await connection.scalar(waiting)

    try:
        await wait_until(settled)
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
    (again,) = await list_refused(engine)
    assert (again.name, again.refused_at > before, "over the limit" in again.reason) == (large, True, True)
