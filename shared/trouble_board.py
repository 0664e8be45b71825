"""Let a service look at itself now and then, and report what is wrong to whoever tells operators."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.clock import PROMPT_S
from shared.errors import Transient
from shared.log import get_logger
from shared.publish import CONFIRM_WITHIN_S
from shared.settings import Settings
from shared.steady import uninterrupted
from shared.topics import TROUBLES
from shared.trouble import MOST, SourceReport, Trouble, Unwatched, at_most
from shared.trouble_topic import REPEAT_S

log = get_logger()

LOOK_EVERY_S = 15.0
COUNT_EVERY_S = 300.0

Look = Callable[[], Awaitable[Sequence[Trouble | Unwatched]]]
Count = Callable[[], Awaitable[Mapping[str, int]]]


@dataclass
class _Source:
    """One thing to look at, and what was last said of it."""

    name: str
    look: Look | None
    count: Count | None
    every_s: float
    next_look: float = 0.0
    said: tuple[tuple[Trouble, ...], tuple[str, ...], dict[str, int]] | None = None
    said_at: float = 0.0
    fault: str = ""


@dataclass
class Board:
    """What one service reports of itself. `process` sets apart what holds for one replica only."""

    service: str
    producer: AIOKafkaProducer
    process: str = ""
    kafka_offset_s: float | None = None
    """By how much Kafka's clock was ahead of ours when it last took our word."""
    _sources: list[_Source] = field(default_factory=list)

    @classmethod
    def of(cls, service: str, settings: Settings, producer: AIOKafkaProducer) -> Board:
        """Make the board of one process."""
        return cls(service, producer, settings.slot or settings.instance or socket.gethostname())

    def watch(self, name: str, look: Look, *, every_s: float = LOOK_EVERY_S, own: bool = False) -> None:
        """Report what `look` finds wrong; a trouble that it finds no more is over.

        Where its subject was taken away rather than mended, `look` returns an `Unwatched` of its key.

        With `own` it is a fact of this process alone (its clock, say). Without, every replica must come to the
        same answer, from the database: the last word counts. While `look` raises, what was said last stands.
        """
        self._add(_Source(self._named(name, own), look, None, every_s))

    def figures(self, name: str, count: Count, *, every_s: float = COUNT_EVERY_S) -> None:
        """Report figures that every replica knows, for the weekly message."""
        self._add(_Source(self._named(f"figures of {name}", own=False), None, count, every_s))

    def _add(self, source: _Source) -> None:
        if source.name in {one.name for one in self._sources}:
            raise ValueError(f"{source.name} reports already; one would take back what the other says")
        self._sources.append(source)

    def _named(self, name: str, own: bool) -> str:
        return f"{self.service}:{name}" + (f"@{self.process}" if own else "")

    async def run(self) -> None:
        """Look and report until cancelled; a look that fails never ends the service."""
        while True:
            await self.turn()
            await asyncio.sleep(1.0)

    async def turn(self) -> None:
        """Look at what is due, and report what has changed or was not repeated for long."""
        for source in self._sources:
            if time.monotonic() >= source.next_look:
                source.next_look = time.monotonic() + source.every_s
                try:
                    await uninterrupted(self._report(source))
                    source.fault = ""
                except Exception as fault:
                    self._note(source, fault)

    async def _report(self, source: _Source) -> None:
        found = await source.look() if source.look else ()
        troubles = at_most([one for one in found if isinstance(one, Trouble)])
        unwatched = tuple(one.key for one in found if isinstance(one, Unwatched))[:MOST]
        figures = dict(await source.count()) if source.count else {}
        now = time.monotonic()
        if source.said == (troubles, unwatched, figures) and now - source.said_at < REPEAT_S:
            return
        report = SourceReport(
            source=source.name, at=datetime.now(UTC), troubles=troubles, unwatched=unwatched, figures=figures
        )
        await self._publish(source.name, report.model_dump_json().encode())
        source.said, source.said_at = (troubles, unwatched, figures), now

    async def _publish(self, name: str, value: bytes) -> None:
        """Publish and wait for the broker's word, which carries its time."""
        before = time.time()
        try:
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                confirmed = await self.producer.send_and_wait(TROUBLES, value=value, key=name.encode())
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"{TROUBLES}: {type(error).__name__}: {error}") from error
        after = time.time()
        if after - before < PROMPT_S and confirmed.timestamp:
            self.kafka_offset_s = confirmed.timestamp / 1000 - (before + after) / 2

    def _note(self, source: _Source, fault: Exception) -> None:
        words = f"{type(fault).__name__}: {fault}"[:300]
        if words == source.fault:
            return
        source.fault = words
        if isinstance(fault, Transient | OSError):
            log.warning("cannot report troubles now", source=source.name, fault=words)
        else:
            log.error("cannot report troubles", source=source.name, fault=words, exc_info=fault)
