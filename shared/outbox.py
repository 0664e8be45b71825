"""The transactional outbox: a change and the message that tells of it are one transaction.

Each schema has its own outbox table. One relay for each schema, wherever the service runs,
holds an advisory lock on a connection of its own, publishes in id order with an idempotent
producer, and marks the rows after the broker's word, in separate transactions. A crash
between the two publishes again: the event has the same id, and every reader knows it.
A row that Kafka refuses for good is set aside and reported; it never blocks the rest.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.crash import crash_point
from shared.database import let_go
from shared.errors import Permanent, Transient
from shared.events import Event
from shared.headers import Trace, event_headers
from shared.log import get_logger
from shared.metrics import OUTBOX_REFUSED, OUTBOX_WAITING, PUBLISHED
from shared.publish import Outgoing, publish_each
from shared.steady import rest

log = get_logger()

RELAY_BATCH = 500
IDLE_S = 0.25
NOT_READY_AFTER_S = 15.0
GIVE_UP_AFTER_S = 90.0


def outbox_table(metadata: MetaData) -> Table:
    """Declare the outbox of one schema."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("topic", String, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("published_at", DateTime(timezone=True)),
        Column("refused_at", DateTime(timezone=True)),
        Column("error", String),
        Index(
            "outbox_waiting",
            "id",
            postgresql_where=text("published_at IS NULL AND refused_at IS NULL"),
        ),
    )


def outbox_row(topic: str, event: Event, *, event_id: str, source: str, time: datetime, trace: Trace) -> dict[str, Any]:
    """Turn an event into an outbox row, with the headers it will carry."""
    headers = event_headers(event, event_id=event_id, source=source, time=time, trace=trace)
    return {
        "topic": topic,
        "key": event.key().encode(),
        "value": event.model_dump_json(exclude_none=True).encode(),
        "headers": [[name, value.decode()] for name, value in headers],
    }


_ADD = """
INSERT INTO {schema}.outbox (topic, key, value, headers)
SELECT topic, key, value, CAST(headers AS jsonb)
FROM unnest(CAST(:topic AS text[]), CAST(:key AS bytea[]), CAST(:value AS bytea[]), CAST(:headers AS text[]))
    WITH ORDINALITY AS given(topic, key, value, headers, place)
ORDER BY place
"""


async def add_rows(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows in the caller's transaction, beside the change they tell of."""
    if rows:
        # One statement, however many rows: they are numbered in their order all the same.
        given = {name: [row[name] for row in rows] for name in ("topic", "key", "value")}
        headers = [json.dumps(row["headers"]) for row in rows]
        await connection.execute(text(_ADD.format(schema=table.schema)), given | {"headers": headers})


@dataclass
class Relay:
    """Publish one schema's outbox."""

    service: str
    table: Table
    engine: AsyncEngine
    producer: AIOKafkaProducer
    wake: asyncio.Event
    holding: bool = False
    failing_since: float | None = None
    last_fault: str = ""

    def trouble(self) -> str | None:
        """Say why nothing is published, or None."""
        if self.failing_since is None or time.monotonic() - self.failing_since < NOT_READY_AFTER_S:
            return None
        return f"nothing published for {time.monotonic() - self.failing_since:.0f} s: {self.last_fault}"

    async def run(self) -> None:
        """Hold the lock and publish until cancelled; another process's lock is waited for."""
        while True:
            try:
                async with self.engine.connect() as connection:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    lock = text("SELECT pg_try_advisory_lock(hashtext('codegrey.outbox'), hashtext(:schema))")
                    self.holding = bool(await connection.scalar(lock, {"schema": self.service}))
                    try:
                        while self.holding:
                            await self._publish_until_empty(connection)
                            await rest(self.wake, IDLE_S)
                    finally:
                        if self.holding:
                            await let_go(connection)
            except (SQLAlchemyError, OSError, TimeoutError, Transient) as fault:
                self._note(fault)
            finally:
                self.holding = False
            await asyncio.sleep(IDLE_S)

    def _note(self, fault: BaseException) -> None:
        """Note a fault; one that lasts ends the process: a producer that was fenced never recovers by itself."""
        now = time.monotonic()
        self.failing_since = self.failing_since or now
        self.last_fault = f"{type(fault).__name__}: {fault}"[:300]
        log.warning("outbox relay will try again", fault=self.last_fault)
        if now - self.failing_since > GIVE_UP_AFTER_S:
            raise Transient(f"the outbox could not be published for {GIVE_UP_AFTER_S:.0f} s") from fault

    async def _publish_until_empty(self, connection: AsyncConnection) -> None:
        table = self.table
        waiting = (
            select(table)
            .where(table.c.published_at.is_(None), table.c.refused_at.is_(None))
            .order_by(table.c.id)
            .limit(RELAY_BATCH)
        )
        while rows := (await connection.execute(waiting)).mappings().all():
            OUTBOX_WAITING.labels(self.service).set(len(rows))
            outcomes = await publish_each(self.producer, [_outgoing(row) for row in rows])
            crash_point("relay-between-publish-and-mark")
            await self._mark(connection, [row["id"] for row in rows], outcomes)
        OUTBOX_WAITING.labels(self.service).set(0)
        self.failing_since = None

    async def _mark(
        self,
        connection: AsyncConnection,
        ids: Sequence[int],
        outcomes: Sequence[Permanent | Transient | None],
    ) -> None:
        table = self.table
        confirmed = [row for row, outcome in zip(ids, outcomes, strict=True) if outcome is None]
        if confirmed:
            await connection.execute(
                update(table).where(table.c.id.in_(confirmed)).values(published_at=func.clock_timestamp())
            )
            PUBLISHED.labels(self.service).inc(len(confirmed))
        for row, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, Permanent):
                values = {"refused_at": func.clock_timestamp(), "error": str(outcome)[:2_000]}
                await connection.execute(update(table).where(table.c.id == row).values(values))
                OUTBOX_REFUSED.labels(self.service).inc()
                log.error("outbox row set aside", row=row, error=str(outcome), show=True)
        transient = next((outcome for outcome in outcomes if isinstance(outcome, Transient)), None)
        if transient:
            raise transient


def _outgoing(row: Any) -> Outgoing:
    headers = [(name, value.encode()) for name, value in row["headers"]]
    return Outgoing(row["topic"], row["key"], row["value"], headers)
