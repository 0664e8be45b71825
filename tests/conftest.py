"""The suite's own servers: a real Kafka and a real PostgreSQL, started once, and a clean place for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.launcher.kafka.server import KafkaServer
from services.launcher.postgres.server import PostgresServer
from services.launcher.topics import create_topics, reset_topics
from shared import kafka as kafka_clients
from shared.database import migrate, open_engine
from shared.settings import Settings

PASSWORD = "only-for-this-run"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """What the suite started."""

    kafka: KafkaServer
    postgres: PostgresServer

    def settings(self, database: str) -> Settings:
        """Return settings that point at these servers and one database."""
        return Settings(
            kafka_bootstrap=self.kafka.bootstrap,
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_username="codegrey",
            kafka_password=SecretStr(PASSWORD),
            database_url=SecretStr(self.postgres.url(database)),
        )


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Hide the person's own CODEGREY_ variables from the tests."""
    saved = {name: value for name, value in os.environ.items() if name.startswith("CODEGREY_")}
    for name in saved:
        del os.environ[name]
    yield
    os.environ.update(saved)


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """Start Kafka and PostgreSQL for the whole run, with the topics."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-tests-"))
    running = Servers(KafkaServer(folder, password=PASSWORD), PostgresServer(folder))
    try:
        await asyncio.gather(running.kafka.start(), running.postgres.start())
        await create_topics(running.settings("codegrey"))
        yield running
    finally:
        await asyncio.gather(running.kafka.stop(), running.postgres.remove())
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def template(servers: Servers) -> str:
    """Migrate one database that every test's own is copied from."""
    engine = open_engine(servers.settings("codegrey"))
    await migrate(engine)
    await engine.dispose()
    return "codegrey"


@pytest.fixture
async def settings(servers: Servers, template: str) -> AsyncIterator[Settings]:
    """Give one test a fresh, migrated database beside the suite's Kafka."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    owner = create_async_engine(
        servers.postgres.url("postgres").replace("//codegrey@", "//postgres@"), isolation_level="AUTOCOMMIT"
    )
    async with owner.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} OWNER codegrey"))
    yield servers.settings(name)
    async with owner.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await owner.dispose()


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Open the test's own database."""
    opened = open_engine(settings)
    yield opened
    await opened.dispose()


@pytest.fixture
async def topics(servers: Servers) -> Settings:
    """Empty every topic and forget every group, so that a test starts from nothing; gives settings for Kafka."""
    settings = servers.settings("codegrey")
    await reset_topics(settings)
    return settings


@pytest.fixture
async def producer(servers: Servers) -> AsyncIterator[AIOKafkaProducer]:
    """Open an idempotent producer."""
    async with kafka_clients.producer(servers.settings("codegrey")) as opened:
        yield opened
