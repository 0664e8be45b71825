"""Look after the system for its operators, and queue what they are told like any other delivery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier import trouble as pure
from services.notifier.config import OPERATORS, Subscriptions, targets
from services.notifier.message import Message, operators_message
from services.notifier.metrics import TROUBLES
from services.notifier.store import add_deliveries, delivery_rows, lock_decisions
from services.notifier.tables import trouble as trouble_table
from shared.control import read_states
from shared.database import database_now, transaction
from shared.dead_letters import read_dead_letters
from shared.errors import Transient
from shared.ids import stable_id
from shared.kafka import admin, offset_reader
from shared.log import get_logger
from shared.offsets import group_lag, topic_bounds
from shared.settings import Settings
from shared.steady import uninterrupted
from shared.topics import EVENT_TOPICS, READERS, dead

log = get_logger()

LOOK_EVERY_S = 10.0


_FAILING = text("""
    SELECT channel, count(*) AS waiting,
           extract(epoch FROM clock_timestamp() - min(created_at))::float AS since_s,
           (array_agg(last_error ORDER BY created_at))[1] AS error
    FROM notifier.delivery
    WHERE state = 'queued' AND attempts >= 3 GROUP BY channel
""")
# Not the operators' own: a notice that a notice failed would chase itself.
_LOST = text("""
    SELECT id, subscription, target, state, last_error, message->>'subject' AS subject
    FROM notifier.delivery
    WHERE state IN ('failed', 'gave_up', 'unknown') AND reported_at IS NULL AND subscription <> :operators
    ORDER BY seq LIMIT 40 FOR UPDATE SKIP LOCKED
""")
_REPORTED = text("UPDATE notifier.delivery SET reported_at = clock_timestamp() WHERE id = ANY(:ids)")


class Watch:
    """Observe every few seconds, compare with what operators know, and tell them."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings,
        config: Callable[[], Subscriptions],
        wake: asyncio.Event,
        config_problem: Callable[[], str] = lambda: "",
    ) -> None:
        self._engine, self._settings, self._config, self._wake = engine, settings, config, wake
        self._config_problem = config_problem
        self._stalls = pure.StallClock()
        self._dead_ends: dict[str, int] = {}
        self._dead: dict[str, int] = {}

    async def run(self) -> None:
        """Watch until cancelled, on connections that are kept open."""
        while True:
            try:
                async with self._opened() as (client, consumer):
                    while True:
                        await self._look(client, consumer)
                        await asyncio.sleep(LOOK_EVERY_S)
            except (Transient, KafkaError, OSError) as fault:
                log.warning("cannot look after the system now", fault=f"{type(fault).__name__}: {fault}"[:200])
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look once and tell what is new."""
        async with self._opened() as (client, consumer):
            await self._look(client, consumer)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Any, Any]]:
        names = [topic.name for topic in EVENT_TOPICS]
        async with (
            admin(self._settings) as client,
            offset_reader(self._settings, *names, *map(dead, names)) as consumer,
        ):
            # Only offsets are asked for; the records themselves are not wanted here.
            consumer.pause(*consumer.assignment())
            yield client, consumer

    async def _look(self, client: Any, consumer: Any) -> None:
        wrong = pure.troubles(await self._observe(client, consumer))
        await uninterrupted(self.tell(wrong))
        await uninterrupted(self.tell_lost())

    async def _observe(self, client: Any, consumer: Any) -> pure.Observation:
        """Gather what can go wrong from Kafka and from the database."""
        states = await read_states(self._settings)
        progress = []
        await self._count_dead(consumer)
        for group, topic in READERS.items():
            try:
                found = await group_lag(client, consumer, group, topic)
            except GroupCoordinatorNotAvailableError:
                continue  # A new cluster: no group has ever committed anything.
            _, end = await topic_bounds(consumer, topic)
            position = sum(end.values()) - found.lag
            progress.append(pure.Progress(group, topic, found.lag, position, found.below_start))
        async with transaction(self._engine) as connection:
            failing = [
                pure.FailingChannel(row.channel, row.waiting, row.since_s, row.error or "unknown")
                for row in await connection.execute(_FAILING)
            ]
        return pure.Observation(
            dead=dict(self._dead),
            paused={group: state.reason or "paused" for group, state in states.items() if state.state == "paused"},
            progress=progress,
            stalled_s=self._stalls.note(progress, time.monotonic()),
            failing=failing,
            config_problem=self._config_problem(),
        )

    async def _count_dead(self, consumer: Any) -> None:
        """Count standing dead letters; a topic is read again only where something was added to it."""
        for topic in EVENT_TOPICS:
            _, end = await topic_bounds(consumer, dead(topic.name))
            total = sum(end.values())
            if total != self._dead_ends.get(topic.name):
                letters = [letter.origin async for letter in read_dead_letters(self._settings, topic.name)]
                self._dead[topic.name] = len(letters)
                self._dead_ends[topic.name] = total

    async def tell(self, wrong: list[pure.Trouble]) -> pure.Transitions:
        """Write down what stands and queue what operators are told, in one transaction."""
        async with transaction(self._engine) as connection:
            await lock_decisions(connection)
            now = await database_now(connection)
            rows = await connection.execute(select(trouble_table))
            standing = {row.key: pure.Standing(row.key, row.title, row.measure, row.told_at) for row in rows}
            since = {key: one.told_at for key, one in standing.items()}
            news = pure.transitions(standing, wrong, now)
            for one in (*news.begun, *news.worse):
                values = {"key": one.key, "title": one.title, "measure": one.measure, "told_at": now}
                await connection.execute(
                    insert(trouble_table).values(values).on_conflict_do_update(index_elements=["key"], set_=values)
                )
                message = operators_message(one.title, [one.advice], over=False, now=now)
                await self._queue(connection, message, stable_id("trouble", one.key, now.isoformat()), one.key)
                log.error("trouble", what=one.title, advice=one.advice, show=True)
            for over in news.over:
                await connection.execute(delete(trouble_table).where(trouble_table.c.key == over.key))
                message = operators_message(over.title, [], over=True, now=now)
                subject = stable_id("over", over.key, since[over.key].isoformat())
                await self._queue(connection, message, subject, over.key)
                log.info("trouble is over", what=over.title, show=True)
        TROUBLES.set(len(wrong))
        if news.begun or news.worse or news.over:
            self._wake.set()
        return news

    async def tell_lost(self) -> int:
        """Tell of each delivery that ended without arriving for sure, once; return how many."""
        async with transaction(self._engine) as connection:
            await lock_decisions(connection)
            rows = (await connection.execute(_LOST, {"operators": OPERATORS})).all()
            if not rows:
                return 0
            now = await database_now(connection)
            words = {
                "unknown": "held, it may have arrived",
                "failed": "refused",
                "gave_up": "given up after a day",
            }
            lines = [
                f"{row.subscription} through {row.target}: {row.subject}: {words[row.state]} ({row.last_error})"
                for row in rows
            ]
            count = f"{len(rows)} {'message was' if len(rows) == 1 else 'messages were'} not delivered for sure"
            message = operators_message(count, lines, over=False, now=now)
            ids = [row.id for row in rows]
            await self._queue(connection, message, stable_id("lost", *ids), "lost")
            await connection.execute(_REPORTED, {"ids": ids})
        log.error("deliveries lost", count=len(rows), show=True)
        self._wake.set()
        return len(rows)

    async def _queue(self, connection: AsyncConnection, message: Message, subject_id: str, about: str) -> None:
        """Queue for each operators' target; what is `about` the same trouble keeps its order."""
        config = self._config()
        if config.operators is None:
            return
        rows = delivery_rows(
            message,
            targets(config, config.operators.channels),
            subject_id=subject_id,
            subscription_name=OPERATORS,
            incidents=[about],
        )
        await add_deliveries(connection, rows)
