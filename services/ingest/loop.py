"""The loop over feeds: follow the configuration, claim what is due, poll a few at once, for ever."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import Awaitable
from pathlib import Path
from secrets import token_hex
from typing import Literal, TypeVar

from services.ingest.canary import with_canary
from services.ingest.conclude import conclude
from services.ingest.fetching.fetch import Fetched
from services.ingest.fetching.user_agent import user_agent
from services.ingest.full_text import prepare_gate
from services.ingest.metrics import POLLS, POLLS_RUNNING
from services.ingest.poll import Tools, poll
from services.ingest.sources.configured import apply_config, note_problem, read_contact
from services.ingest.sources.feeds_file import FeedsFile, FeedsWatch, ReadFiles, feeds_path, load_feeds
from services.ingest.store import (
    LEASE,
    Claim,
    claim_due,
    hold_lease,
    release_leases,
    renew_leases,
    save_feed,
)
from services.ingest.watch import Watch
from shared.database import transaction
from shared.errors import ConfigError, Transient
from shared.log import get_logger
from shared.settings import Settings

log = get_logger()
T = TypeVar("T")

CONCURRENCY = 256
"""Polls under way: nearly all of them wait for a publisher."""
CLAIM_FROM = 16
IDLE_S = 0.5
PACE_S = 0.01
STUCK_AFTER_S = 60.0
LOOK_EVERY_S = 30.0


class Poller:
    """Poll the configured feeds until cancelled."""

    def __init__(self, settings: Settings, tools: Tools, *, concurrency: int = CONCURRENCY) -> None:
        self._settings = settings
        self._tools = tools
        self._concurrency = concurrency
        # A slot is the one place of a service under `codegrey up`: whoever held it before is gone.
        self._owner_prefix = f"slot:{settings.slot}/" if settings.slot else f"{socket.gethostname()}/"
        self.owner = self._owner_prefix + token_hex(8)
        self._running: set[asyncio.Task[None]] = set()
        self._watch = FeedsWatch(feeds_path(settings))
        self._config_read = False
        self.files = ReadFiles()
        """What was read before, so that a change of one file costs the reading of that one."""
        self.file: FeedsFile | None = None
        """The configuration as last taken over."""
        self.prepared = asyncio.Event()
        """Set when what the first poll would have to load is loaded."""
        self._turned_at = time.monotonic()
        self._fault = ""
        self._paused = False

    async def run(self) -> None:
        """Turn for ever; leases are given up at the end."""
        # What was imported is never garbage, and a poll leaves few cycles: looking for them took a tenth of its time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        renewal = asyncio.create_task(self._renew())
        watching = asyncio.create_task(self._look())
        preparing = asyncio.create_task(self._prepare())
        try:
            if self._settings.slot:
                await self._whatever_the_database(release_leases(self._tools.engine, self._owner_prefix))
            while True:
                await self.turn()
                await self._rest()
        finally:
            beside = (renewal, watching, preparing, *self._running)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._whatever_the_database(release_leases(self._tools.engine, self.owner))

    def trouble(self) -> str | None:
        """Say why nothing is polled, or None: the readiness check."""
        if self._paused:
            return "paused: disk low"
        silent = time.monotonic() - self._turned_at
        if silent > STUCK_AFTER_S:
            return f"the loop over feeds has not turned for {silent:.0f} s" + (self._fault and f": {self._fault}")
        return None

    async def turn(self) -> int:
        """Follow the configuration, claim what is due and start polling it; return how many were started."""
        if await self._whatever_the_database(self._follow_config()) is False:
            return 0
        self._paused = _exists(self._settings.pause_file)
        free = self._concurrency - len(self._running)
        claims: list[Claim] = []
        # A handful at a time: while most of the slots are busy, a claim of one or two costs more than it brings.
        if free >= min(self._concurrency, CLAIM_FROM) and not self._paused:
            claims = await self._whatever_the_database(claim_due(self._tools.engine, self.owner, free)) or []
        for claim in claims:
            task = asyncio.create_task(self._poll(claim), name=f"poll {claim.url}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        POLLS_RUNNING.set(len(self._running))
        if not self._fault:
            self._turned_at = time.monotonic()
        return len(claims)

    async def idle(self) -> None:
        """Wait until nothing that was started is still running."""
        while self._running:
            await asyncio.wait(self._running)

    async def _rest(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
            # Claims are taken a handful at a time, not one by one.
            await asyncio.sleep(PACE_S)
        else:
            await asyncio.sleep(IDLE_S)

    async def _follow_config(self) -> None:
        """Take over a changed file; a broken one is told of, and the feeds stay as they are."""
        if self._config_read and not self._watch.changed():
            return
        # Until it is done: a database that goes away in the middle must not lose the change.
        self._config_read = False
        engine = self._tools.engine
        try:
            file = await asyncio.to_thread(load_feeds, self._settings, self.files)
        except ConfigError as error:
            await note_problem(engine, str(error))
            log.error("feeds.yaml is not taken over", problem=str(error), show=True)
        else:
            await apply_config(engine, with_canary(file, self._tools.private, self._settings.canary_every_s))
            self.file = file
            self._tools.spacing.services = tuple(host.lower() for host in file.polite)
            log.info("feeds configured", feeds=len(file.feeds), show=True)
        agent = user_agent(await read_contact(engine))
        self._tools.public.user_agent = self._tools.private.user_agent = agent
        self._config_read = True

    async def _poll(self, claim: Claim) -> None:
        """Poll one feed; a fault of one feed never touches another."""
        try:
            await poll(claim, self._tools)
        except Transient as fault:
            log.warning("poll not stored", feed=claim.state.config.label, fault=str(fault))
        except Exception as fault:
            POLLS.labels("fault").inc()
            log.exception("poll failed by a fault of ours", feed=claim.state.config.label, show=True)
            await self._whatever_the_database(self._note_fault(claim, f"{type(fault).__name__}: {fault}"))

    async def _note_fault(self, claim: Claim, fault: str) -> None:
        async with transaction(self._tools.engine) as connection:
            if (now := await hold_lease(connection, claim)) is not None:
                nothing = Fetched(claim.url, claim.url, error=f"internal fault: {fault}"[:300])
                failed = conclude(claim.state, nothing, None, body_hash=None, now=now, jitter=0.5)
                await save_feed(connection, claim.url, failed.values)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            if self._running:
                await self._whatever_the_database(renew_leases(self._tools.engine, self.owner))

    async def _prepare(self) -> None:
        """Have at hand what the first poll needs, while the configuration is read."""
        try:
            await self._tools.parsers.prepare()
            if not self._tools.parsers.gate:
                await asyncio.to_thread(prepare_gate)
        except Exception as fault:  # the first poll will find it again, and tell
            log.warning("not prepared for the first poll", fault=f"{type(fault).__name__}: {fault}")
        self.prepared.set()

    async def _look(self) -> None:
        watch = Watch(self._tools.engine)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._whatever_the_database(watch.look())

    async def _whatever_the_database(self, work: Awaitable[T]) -> T | Literal[False]:
        """Do `work`; False where the database is away, which is told once and shows in `trouble`."""
        try:
            result = await work
        except Transient as fault:
            if not self._fault:
                log.warning("polling waits for the database", fault=str(fault))
            self._fault = str(fault)
            return False
        self._fault = ""
        return result


def _exists(path: Path | None) -> bool:
    return path is not None and path.exists()
