"""Reach the servers for one command: those that run, those of the settings, or our own, started for this."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.launcher.datafolder import DataFolder
from services.launcher.processes.children import ProcessTable
from services.launcher.processes.guard import shared_guard
from services.launcher.processes.steps import end_leftovers
from services.launcher.servers import Servers
from shared.settings import Settings, load_settings


def settings_here(folder: DataFolder, **overrides: object) -> Settings:
    """Read the settings; what a killed `up` had told is no server of the user's."""
    if not folder.held():
        folder.endpoints.unlink(missing_ok=True)
    return load_settings(data=folder.path, **overrides)


@asynccontextmanager
async def own_servers(folder: DataFolder, settings: Settings) -> AsyncIterator[Settings]:
    """Give settings that reach Kafka and the database; the caller holds the folder where ours are to be started."""
    kafka, postgres = not settings.kafka_bootstrap, not settings.database_url.get_secret_value()
    if not kafka and not postgres:
        yield settings
        return
    end_leftovers(ProcessTable(folder.path))
    servers = Servers(folder, kafka=kafka, postgres=postgres)
    parts = [part for part in (servers.kafka, servers.postgres) if part is not None]
    try:
        await asyncio.gather(*(part.start() for part in parts))
        found = {name.removeprefix("CODEGREY_").lower(): value for name, value in servers.environment().items()}
        given = {name: value for name, value in settings.model_dump().items() if name in settings.model_fields_set}
        yield load_settings(**{**given, **found})
    finally:
        for part in parts:
            await part.stop()
        shared_guard().dismiss()


def environment_of(pid: int | None) -> dict[str, str]:
    """Return the CODEGREY_ variables that a process of ours was started with, and over them those of this command."""
    import psutil

    found: dict[str, str] = {}
    if pid is not None:
        try:
            found = psutil.Process(pid).environ()
        except (psutil.Error, OSError):
            found = {}
    return {name: value for name, value in {**found, **os.environ}.items() if name.startswith("CODEGREY_")}
