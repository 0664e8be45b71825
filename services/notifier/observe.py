"""Gather what can go wrong, from Kafka, from the database, and from what services say of themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier import trouble as pure
from services.notifier.config import CANARY
from shared.control import read_states
from shared.database import transaction
from shared.dead_letters import read_dead_letters
from shared.kafka import admin, offset_reader, reader
from shared.offsets import group_lag, topic_bounds
from shared.settings import Settings
from shared.topics import EVENT_TOPICS, READERS, TROUBLES, dead
from shared.trouble import Trouble
from shared.trouble_file import read_trouble_files
from shared.trouble_topic import Heard

# Also what is being tried at this moment: a channel does not recover because somebody knocks again.
_FAILING = text("""
    SELECT channel, count(*) AS waiting,
           extract(epoch FROM clock_timestamp() - min(created_at))::float AS since_s,
           (array_agg(last_error ORDER BY created_at))[1] AS error
    FROM notifier.delivery
    WHERE state IN ('queued', 'sending') AND attempts >= 3 AND last_error IS NOT NULL AND subscription <> :canary
    GROUP BY channel
""")

Ask = Callable[[], Awaitable[Sequence[Trouble]]]


@dataclass(frozen=True)
class Eyes:
    """The connections that are kept open while looking."""

    client: Any
    offsets: Any
    reports: Any


@dataclass
class Observer:
    """Look at everything; `ask` are further things that only the notifier can know."""

    engine: AsyncEngine
    settings: Settings
    config_problem: Callable[[], str] = lambda: ""
    ask: Sequence[Ask] = ()
    steady: Callable[[], float] = time.monotonic
    heard: Heard = field(default_factory=Heard)
    _stalls: pure.StallClock = field(default_factory=pure.StallClock)
    _trend: pure.LagTrend = field(default_factory=pure.LagTrend)
    _dead_ends: dict[str, int] = field(default_factory=dict)
    _dead: dict[str, int] = field(default_factory=dict)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Eyes]:
        """Connect to Kafka."""
        names = [topic.name for topic in EVENT_TOPICS]
        async with (
            admin(self.settings) as client,
            offset_reader(self.settings, *names, *map(dead, names)) as offsets,
            reader(self.settings, TROUBLES, wait_ms=20) as reports,
        ):
            # Only offsets are asked for; the records themselves are not wanted here.
            offsets.pause(*offsets.assignment())
            yield Eyes(client, offsets, reports)

    async def observe(self, eyes: Eyes, standing: Collection[str]) -> pure.Observation:
        """Look once; `standing` are the keys of the troubles that operators know of."""
        states = await read_states(self.settings)
        await self._count_dead(eyes.offsets)
        progress = await self._progress(eyes)
        now = self.steady()
        await self.heard.listen(eyes.reports, now)
        reported = self.heard.troubles(now, standing)
        if self.settings.supervised:
            reported += read_trouble_files(self.settings.data)
        for ask in self.ask:
            reported += await ask()
        return pure.Observation(
            dead=dict(self._dead),
            paused={group: state.reason or "paused" for group, state in states.items() if state.state == "paused"},
            progress=progress,
            stalled_s=self._stalls.note(progress, now, standing),
            failing=await self._failing(),
            config_problem=self.config_problem(),
            growing=self._trend.note(progress, now, standing),
            disk=self._low_disk(),
            reported=reported,
            unwatched=self.heard.unwatched(now),
        )

    async def _progress(self, eyes: Eyes) -> list[pure.Progress]:
        progress = []
        for group, topic in READERS.items():
            try:
                found = await group_lag(eyes.client, eyes.offsets, group, topic)
            except GroupCoordinatorNotAvailableError:
                continue  # A new cluster: no group has ever committed anything.
            _, end = await topic_bounds(eyes.offsets, topic)
            position = sum(end.values()) - found.lag
            progress.append(pure.Progress(group, topic, found.lag, position, found.below_start))
        return progress

    async def _failing(self) -> list[pure.FailingChannel]:
        async with transaction(self.engine) as connection:
            return [
                pure.FailingChannel(row.channel, row.waiting, row.since_s, row.error or "unknown")
                for row in await connection.execute(_FAILING, {"canary": CANARY})
            ]

    async def _count_dead(self, consumer: Any) -> None:
        """Count standing dead letters; a topic is read again only where something was added to it."""
        for topic in EVENT_TOPICS:
            _, end = await topic_bounds(consumer, dead(topic.name))
            total = sum(end.values())
            if total != self._dead_ends.get(topic.name):
                letters = [letter.origin async for letter in read_dead_letters(self.settings, topic.name)]
                self._dead[topic.name] = len(letters)
                self._dead_ends[topic.name] = total

    def _low_disk(self) -> str:
        """Read what the supervisor wrote when it paused taking in."""
        path = self.settings.pause_file
        try:
            return (path.read_text("utf-8").strip() or "too little space is free") if path else ""
        except OSError:
            return ""
