"""Keep the subscriptions fresh: a changed file is picked up, a broken one changes nothing and says so."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import Subscriptions, config_path, read_subscriptions
from services.notifier.metrics import CONFIG_BROKEN
from services.notifier.store import lock_decisions, register
from shared.config_file import FileWatch
from shared.database import transaction
from shared.errors import ConfigError, Transient
from shared.log import get_logger
from shared.settings import Settings
from shared.steady import uninterrupted

log = get_logger()

LOOK_EVERY_S = 1.0


class LiveConfig:
    """Hold the configuration in force; the first reading must succeed (ConfigError otherwise)."""

    def __init__(self, settings: Settings, engine: AsyncEngine) -> None:
        self._settings, self._engine = settings, engine
        self._watch = FileWatch(config_path(settings))
        self._current = read_subscriptions(settings)
        self.problem = ""
        self._registered = False

    def __call__(self) -> Subscriptions:
        """Return the configuration in force."""
        return self._current

    async def refresh(self) -> bool:
        """Read the file again if it has changed; return whether another configuration is in force now."""
        changed = self._watch.changed() and self._read()
        if changed:
            self._registered = False
        if not self._registered:
            # Kept trying until the database has it: a new subscription exists from here on.
            async with transaction(self._engine) as connection:
                await lock_decisions(connection)
                await register(connection, self._current, forget=True)
            self._registered = True
        return changed

    def _read(self) -> bool:
        try:
            self._current = read_subscriptions(self._settings)
        except ConfigError as error:
            self.problem = str(error)
            CONFIG_BROKEN.set(1)
            log.error("subscriptions.yaml is broken; the earlier one stays in force", error=self.problem, show=True)
            return False
        self.problem = ""
        CONFIG_BROKEN.set(0)
        names = [one.name for one in self._current.subscriptions]
        log.info("subscriptions read anew", subscriptions=len(names), show=True)
        return True

    async def run(self) -> None:
        """Look at the file until cancelled."""
        while True:
            try:
                await uninterrupted(self.refresh())
            except Transient as fault:
                log.warning("subscriptions not registered yet", fault=str(fault))
            await asyncio.sleep(LOOK_EVERY_S)
