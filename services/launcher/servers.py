"""The servers that `codegrey up` starts: a private PostgreSQL and a private Kafka, or none where the user has one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from services.launcher.datafolder import DataFolder
from services.launcher.kafka.server import KafkaServer
from services.launcher.postgres.server import PostgresServer


class Part(Protocol):
    """Something that the supervisor starts, keeps running and stops."""

    @property
    def name(self) -> str:
        """What it is called on the terminal."""
        ...

    async def start(self) -> None:
        """Start it."""

    async def wait(self) -> int:
        """Wait until it ends by itself; return its exit status."""
        ...

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Stop it: cleanly, unless there is a hurry."""

    def last_words(self) -> str:
        """Return what it said before it ended, as far as that is known."""
        ...


class ServerPart:
    """A server as a part: its start returns when it serves."""

    def __init__(self, name: str, server: KafkaServer | PostgresServer) -> None:
        self.name = name
        self.server = server

    async def start(self) -> None:
        """Start it, and return when it serves."""
        await self.server.start()

    async def wait(self) -> int:
        """Wait until it ends by itself; 1 where it does not run at all."""
        if self.server.pid is None:
            return 1
        while (status := self.server.ended()) is None:  # noqa: ASYNC110 - the kernel sets no event
            await asyncio.sleep(0.05)
        return status

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Shut it down."""
        await self.server.stop(hurry=hurry)

    def last_words(self) -> str:
        """Say nothing: the server has a log of its own."""
        return ""


class Servers:
    """What is private here, and the environment that leads to it."""

    def __init__(self, folder: DataFolder, *, kafka: bool, postgres: bool) -> None:
        self.kafka = KafkaServer(folder.path, password=folder.kafka_password()) if kafka else None
        self.postgres = PostgresServer(folder.path) if postgres else None

    def environment(self) -> dict[str, str]:
        """Return the settings by which services reach the private servers, as far as those were started."""
        found: dict[str, str] = {}
        if self.kafka and self.kafka.placed:
            found |= {
                "CODEGREY_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
                "CODEGREY_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "CODEGREY_KAFKA_SASL_MECHANISM": "PLAIN",
                "CODEGREY_KAFKA_USERNAME": self.kafka.username,
                "CODEGREY_KAFKA_PASSWORD": self.kafka.password,
            }
        if self.postgres and self.postgres.placed:
            found["CODEGREY_DATABASE_URL"] = self.postgres.url()
        return found
