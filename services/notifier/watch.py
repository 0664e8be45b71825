"""Look after the system for its operators, and queue what they are told like any other delivery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from aiokafka.errors import KafkaError
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier import trouble as pure
from services.notifier.config import CANARY, OPERATORS, Subscriptions, targets
from services.notifier.message import Message, OperatorsNews, operators_message
from services.notifier.metrics import TROUBLES
from services.notifier.observe import Ask, Eyes, Observer
from services.notifier.store import add_deliveries, delivery_rows, lock_decisions
from services.notifier.tables import trouble as trouble_table
from services.notifier.trouble import detail
from services.notifier.weekly import tell_weekly
from shared.database import database_now, let_go, transaction
from shared.errors import Transient
from shared.ids import stable_id
from shared.log import get_logger
from shared.settings import Settings
from shared.steady import uninterrupted
from shared.trouble import Trouble, bounded

log = get_logger()

LOOK_EVERY_S = 10.0
BLIND_AFTER_S = 300.0


# Not the operators' own: a notice that a notice failed would chase itself.
_LOST = text("""
    SELECT id, subscription, target, state, last_error, message->>'subject' AS subject
    FROM notifier.delivery
    WHERE state IN ('failed', 'gave_up', 'unknown') AND reported_at IS NULL AND NOT subscription = ANY(:ours)
    ORDER BY seq LIMIT 40 FOR UPDATE SKIP LOCKED
""")
_ALONE = text("SELECT pg_try_advisory_lock(hashtext('codegrey.notifier'), hashtext('watch'))")
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
        *,
        ask: Sequence[Ask] = (),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._config, self._wake = engine, config, wake
        self.observer = Observer(engine, settings, config_problem, ask, steady)
        self._blind_since: float | None = None

    async def run(self) -> None:
        """Watch until cancelled, on connections that are kept open; of several replicas one watches."""
        while True:
            try:
                async with self._engine.connect() as lock:
                    await lock.execution_options(isolation_level="AUTOCOMMIT")
                    if await lock.scalar(_ALONE):
                        await self._watch(lock)
            except (Transient, KafkaError, OSError, SQLAlchemyError, TimeoutError) as fault:
                log.warning("cannot look after the system now", fault=f"{type(fault).__name__}: {fault}"[:200])
                await self._blind(fault)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _watch(self, lock: AsyncConnection) -> None:
        """Look every few seconds while the lock's connection lives."""
        try:
            async with self.observer.opened() as eyes:
                while await lock.scalar(text("SELECT true")):
                    await self._look(eyes)
                    self._blind_since = None
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await let_go(lock)

    async def _blind(self, fault: Exception) -> None:
        """Tell of Kafka when it has not answered for long; all that is told beside it stands meanwhile."""
        now = self.observer.steady()
        self._blind_since = self._blind_since or now
        if now - self._blind_since < BLIND_AFTER_S or isinstance(fault, SQLAlchemyError):
            return
        advice = f"{type(fault).__name__}: {fault}"[:300] + ". No news is taken in and no alert goes out without it."
        blind = Trouble("kafka", "Kafka does not answer", advice)
        try:
            await uninterrupted(self.tell([blind], blind=True))
        except Transient as away:
            log.warning("operators cannot be told now", fault=str(away)[:200])

    async def look(self) -> None:
        """Look once and tell what is new."""
        async with self.observer.opened() as eyes:
            await self._look(eyes)

    async def _look(self, eyes: Eyes) -> None:
        async with transaction(self._engine) as connection:
            standing = set((await connection.execute(select(trouble_table.c.key))).scalars())
        seen = await self.observer.observe(eyes, standing)
        await uninterrupted(self.tell(pure.troubles(seen), unwatched=seen.unwatched))
        await uninterrupted(self.tell_lost())
        figures = self.observer.heard.figures()
        if await uninterrupted(tell_weekly(self._engine, self._config(), eyes.offsets, figures)):
            self._wake.set()

    async def tell(
        self, wrong: list[Trouble], *, blind: bool = False, unwatched: frozenset[str] = frozenset()
    ) -> pure.Transitions:
        """Write down what stands and queue what operators are told, in one transaction.

        Who is `blind` sees what is wrong, and not what is over.
        """
        wrong = [bounded(one) for one in wrong]
        async with transaction(self._engine) as connection:
            await lock_decisions(connection)
            now = await database_now(connection)
            rows = await connection.execute(select(trouble_table))
            standing = {row.key: pure.Standing(row.key, row.title, row.measure, row.told_at) for row in rows}
            since = {key: one.told_at for key, one in standing.items()}
            news = pure.transitions(standing, wrong, now, unwatched)
            if blind:
                news = replace(news, over=(), unwatched=())
            await self._remember(connection, news, now)
            begun = [(one.key, one.title, detail(one)) for one in (*news.begun, *news.worse)]
            await self._say(connection, begun, "trouble", [now.isoformat()] * len(begun), now)
            endings: tuple[tuple[OperatorsNews, tuple[pure.Standing, ...]], ...] = (
                ("over", news.over),
                ("unwatched", news.unwatched),
            )
            for how, some in endings:
                ended = [(one.key, one.title, "") for one in some]
                await self._say(connection, ended, how, [since[one.key].isoformat() for one in some], now)
        for one in (*news.begun, *news.worse):
            log.error("trouble", what=one.title, advice=one.advice, show=True)
        for mended in news.over:
            log.info("trouble is over", what=mended.title, show=True)
        for removed in news.unwatched:
            log.info("trouble is no longer watched", what=removed.title, show=True)
        TROUBLES.set(len(wrong))
        if news.begun or news.worse or news.ended:
            self._wake.set()
        return news

    async def _remember(self, connection: AsyncConnection, news: pure.Transitions, now: datetime) -> None:
        for one in (*news.begun, *news.worse):
            values = {"key": one.key, "title": one.title, "measure": one.measure, "told_at": now}
            await connection.execute(
                insert(trouble_table).values(values).on_conflict_do_update(index_elements=["key"], set_=values)
            )
        if news.ended:
            gone = trouble_table.c.key.in_([one.key for one in news.ended])
            await connection.execute(delete(trouble_table).where(gone))

    async def _say(
        self,
        connection: AsyncConnection,
        told: Sequence[tuple[str, str, str]],
        what: OperatorsNews,
        when: Sequence[str],
        now: datetime,
    ) -> None:
        """Queue a message for each (key, title, detail), or one for all where they are many: nobody gets a storm."""
        if len(told) <= pure.EACH_ALONE:
            for (key, title, words), moment in zip(told, when, strict=True):
                message = operators_message(what, title, [words] if words else [], now=now)
                await self._queue(connection, message, stable_id(what, key, moment), [key])
            return
        keys = [key for key, _, _ in told]
        lines = [f"{title}. {words}" if words else title for _, title, words in told]
        message = operators_message(what, f"{len(told)} troubles at once", lines, now=now)
        await self._queue(connection, message, stable_id(what, *keys, *when), keys)

    async def tell_lost(self) -> int:
        """Tell of each delivery that ended without arriving for sure, once; return how many."""
        async with transaction(self._engine) as connection:
            await lock_decisions(connection)
            rows = (await connection.execute(_LOST, {"ours": [OPERATORS, CANARY]})).all()
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
            message = operators_message("trouble", count, lines, now=now)
            ids = [row.id for row in rows]
            await self._queue(connection, message, stable_id("lost", *ids), ["lost"])
            await connection.execute(_REPORTED, {"ids": ids})
        log.error("deliveries lost", count=len(rows), show=True)
        self._wake.set()
        return len(rows)

    async def _queue(
        self, connection: AsyncConnection, message: Message, subject_id: str, about: Sequence[str]
    ) -> None:
        """Queue for each operators' target; what is `about` the same troubles keeps its order."""
        config = self._config()
        if config.operators is None:
            return
        rows = delivery_rows(
            message,
            targets(config, config.operators.channels),
            subject_id=subject_id,
            subscription_name=OPERATORS,
            incidents=list(about),
        )
        await add_deliveries(connection, rows)
