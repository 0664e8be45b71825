"""Run one service: settings, logs, health, Kafka, database, then until told to stop.

A service is a name and an `assemble` coroutine that takes a `Runtime` and says what the
service consumes, which tasks run in the background, and which checks make it ready.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import ClockLook
from shared.consume import Consumer, Consumption, E, Handler
from shared.control import GroupState, follow_states
from shared.database import SCHEMAS, applied, head, open_engine
from shared.errors import CodeGreyError, ConfigError, Transient
from shared.http import Health, serving
from shared.kafka import admin, client_options, faststream_security, producer, wait_for_kafka
from shared.log import configure_logging, get_logger
from shared.offsets import watch_offsets
from shared.outbox import Relay
from shared.settings import Settings, load_settings
from shared.trouble_board import Board
from shared.trouble_outbox import refused_rows

log = get_logger()

ASK_EVERY_S = 3.0
ANSWER_WITHIN_S = 5.0


@dataclass
class Runtime:
    """What a service is given to work with."""

    name: str
    settings: Settings
    broker: KafkaBroker
    producer: AIOKafkaProducer
    health: Health
    engine_or_none: AsyncEngine | None = None
    consumers: list[Consumer[Any]] = field(default_factory=list)
    troubles: Board = field(init=False)
    """What this service reports of itself to the operators."""
    _background: dict[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _fault: BaseException | None = None
    _stop: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Look at the clock, as every service does."""
        self.troubles = Board.of(self.name, self.settings, self.producer)
        clock = ClockLook(self.engine_or_none, lambda: self.troubles.kafka_offset_s)
        self.troubles.watch("clock", clock, own=True)

    @property
    def engine(self) -> AsyncEngine:
        """The database of a service that keeps something."""
        assert self.engine_or_none is not None, f"{self.name} keeps nothing and has no database"
        return self.engine_or_none

    def consume(self, consumption: Consumption[E], handle: Handler[E]) -> Consumer[E]:
        """Consume a topic with the one loop of `shared.consume`."""
        consumer = Consumer(consumption, handle, self.producer, fail=self.fail)
        options: dict[str, Any] = {}
        if member := self.settings.slot or self.settings.instance:
            options["group_instance_id"] = f"{consumption.group}-{member}"
        consumer.attach(self.broker, **options)
        self.consumers.append(consumer)
        self.health.checks[f"consumer {consumption.group}"] = consumer.trouble
        return consumer

    def background(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keep `run` going beside the consumers; if it ends or fails, the process ends."""
        self._background[name] = run

    def relay(self, relay: Relay) -> None:
        """Publish an outbox in the background."""
        self.health.checks["outbox relay"] = relay.trouble
        self.background("outbox relay", relay.run)
        self.troubles.watch("outbox", lambda: refused_rows(relay.engine, relay.table))

    def fail(self, fault: BaseException) -> None:
        """End the process because of `fault`; whoever started it starts it again."""
        if self._fault is None:
            self._fault = fault
            self.health.fatal = f"{type(fault).__name__}: {fault}"
            log.error("service fails and ends", fault=self.health.fatal, exc_info=fault, show=True)
        self._stop()

    async def run(self) -> int:
        """Run until stopped by a signal (0) or by a fault (1)."""
        app = FastStream(self.broker, logger=None)
        self._stop = app.exit
        app.after_startup(self._start_background)
        app.on_shutdown(self._stop_background)
        await app.run(log_level=30)
        return 1 if self._fault else 0

    async def _start_background(self) -> None:
        groups = {consumer.consumption.group for consumer in self.consumers}
        if groups:
            by_group = {consumer.consumption.group: consumer for consumer in self.consumers}

            def tell(state: GroupState) -> None:
                by_group[state.group].told(state)

            self._background["control"] = lambda: follow_states(self.settings, groups, tell)
            watched = [(one.consumption.group, one.consumption.topic) for one in self.consumers]
            self._background["offsets"] = lambda: watch_offsets(self.settings, watched)
            for consumer in self.consumers:
                self._background[f"obey {consumer.consumption.group}"] = consumer.obey
        self._background["troubles"] = self.troubles.run
        for name, run in self._background.items():
            task = asyncio.create_task(run(), name=name)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        self.fail(task.exception() or RuntimeError(f"background task {task.get_name()!r} ended by itself"))

    async def _stop_background(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def make_broker(settings: Settings) -> KafkaBroker:
    """Build the FastStream broker; nothing connects yet."""
    options = client_options(settings)
    return KafkaBroker(
        options["bootstrap_servers"],
        security=faststream_security(settings),
        apply_types=False,
        allow_auto_create_topics=False,
        graceful_timeout=15.0,
        enable_idempotence=True,
        acks="all",
        logger=None,
    )


async def _run(name: str, assemble: Callable[[Runtime], Awaitable[None]], settings: Settings) -> int:
    health = Health(name)
    waiting = {"reason": "starting"}
    health.checks["start"] = lambda: waiting.get("reason")

    def say(reason: str) -> None:
        if waiting.get("reason") != reason:
            log.warning("waiting", reason=reason, show=True)
        waiting["reason"] = reason

    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(health, settings))
        log.info("serving health and metrics", port=port)
        engine = None
        if name in SCHEMAS:
            engine = open_engine(settings)
            stack.push_async_callback(engine.dispose)
            await _wait_for_schema(engine, name, say)
        await wait_for_kafka(settings, say)
        sender = await stack.enter_async_context(producer(settings))
        runtime = Runtime(name, settings, make_broker(settings), sender, health, engine)
        _watch(runtime, "Kafka", lambda: _ask_kafka(settings))
        if engine is not None:
            _watch(runtime, "database", lambda: applied(engine, name))
        await assemble(runtime)
        waiting.clear()
        log.info("started", show=True)
        return await runtime.run()


async def _wait_for_schema(engine: AsyncEngine, name: str, say: Callable[[str], None]) -> None:
    while True:
        try:
            version = await applied(engine, name)
            if version == head(name):
                return
            say(f"schema {name!r} is at {version}, this program needs {head(name)}: run `codegrey migrate`")
        except Transient as fault:
            say(str(fault))
        await asyncio.sleep(0.5)


def _watch(runtime: Runtime, what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Ask something every few seconds and be not ready while it does not answer."""
    state: dict[str, str | None] = {"trouble": None}

    async def watch() -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await ask()
                state["trouble"] = None
            except TimeoutError:
                state["trouble"] = f"{what} has not answered for {ANSWER_WITHIN_S:.0f} s"
            except (CodeGreyError, KafkaError, OSError) as fault:
                state["trouble"] = f"{what} does not answer: {fault}"
            await asyncio.sleep(ASK_EVERY_S)

    runtime.health.checks[what] = lambda: state["trouble"]
    runtime.background(f"watch over {what}", watch)


async def _ask_kafka(settings: Settings) -> None:
    async with admin(settings) as client:
        await client.describe_cluster()


def serve(name: str, assemble: Callable[[Runtime], Awaitable[None]]) -> int:
    """Run the service `name` in this process; return the exit status."""
    try:
        settings = load_settings()
        configure_logging(name, settings.log_level)
        return asyncio.run(_run(name, assemble, settings))
    except ConfigError as error:
        configure_logging(name)
        log.error("cannot start", error=str(error), show=True)
        sys.stderr.write(f"codegrey: {error}\n")
        return 2
