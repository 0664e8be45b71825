"""What one `codegrey up` is to run, and where: everything that tests or the demo replace is a field here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.launcher.datafolder import Versions
from services.launcher.disk import FreeSpace, free_space
from services.launcher.processes.backoff import HEALTHY_S

ROOT = Path(__file__).resolve().parents[2]
WRONG_USE = 2


@dataclass(frozen=True)
class Step:
    """A command that runs once, to its end, and what to call it."""

    title: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A name and the command that serves it."""

    name: str
    command: tuple[str, ...]


def own_command(*arguments: str) -> tuple[str, ...]:
    """Return a command of this program, run by this Python whatever the current folder holds."""
    return (sys.executable, "-P", "-m", "services.launcher.cli", *arguments)


SERVICES = tuple(Service(name, own_command("serve", name)) for name in ("ingest", "classifier", "tracker", "notifier"))


@dataclass(frozen=True)
class Plan:
    """One run. `environment` is what every child gets; `told` is the part of it that other commands may read."""

    data: Path
    versions: Versions
    environment: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    own_kafka: bool = True
    own_postgres: bool = True
    after_postgres: tuple[Step, ...] = (Step("the database is migrated", own_command("migrate")),)
    after_kafka: tuple[Step, ...] = (Step("the topics are there", own_command("topics", "create")),)
    services: tuple[Service, ...] = SERVICES
    free_space: FreeSpace = free_space
    healthy_s: float = HEALTHY_S
    disk_every_s: float = 5.0
