"""One database address; each service owns one schema in it and reads no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.errors import ConfigError, Transient
from shared.settings import Settings

if TYPE_CHECKING:  # half a second of imports that only migrations need
    from alembic.config import Config
    from alembic.script import ScriptDirectory

SCHEMAS = ("ingest", "tracker", "notifier")
"""The services that keep something, each in the schema of its name."""

NO_DATABASE = (
    "no database to talk to: set CODEGREY_DATABASE_URL "
    "(postgresql+asyncpg://user:password@host:5432/codegrey), or start everything with `codegrey up`"
)
_MIGRATION_LOCK = 0x436F6465  # one migration at a time, whoever starts it


def open_engine(settings: Settings) -> AsyncEngine:
    """Open the pool; raises ConfigError where the address is missing or no PostgreSQL address."""
    url = settings.database_url.get_secret_value()
    if not url:
        raise ConfigError(NO_DATABASE)
    if not url.startswith("postgresql+asyncpg://"):
        raise ConfigError("CODEGREY_DATABASE_URL must begin with postgresql+asyncpg://")
    # A host that is gone without a word must not hold a batch, nor a frozen client a lock, for ever.
    limits = {"idle_in_transaction_session_timeout": "60000", "tcp_keepalives_idle": "30"}
    return create_async_engine(
        url,
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={"timeout": 10, "command_timeout": 60, "server_settings": limits},
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Run one transaction. A database that is not ready raises Transient; wrong data does not."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        if _is_about_the_data(error):
            raise
        raise Transient(f"database: {type(error).__name__}: {str(error).splitlines()[0][:300]}") from error


async def let_go(connection: AsyncConnection) -> None:
    """End a connection that holds a lock: back in the pool it would keep it, and no other process could take over."""
    with suppress(SQLAlchemyError, OSError):
        await connection.invalidate()


def _is_about_the_data(error: BaseException) -> bool:
    """Tell a value that no database would take (SQLSTATE classes 22, 23) from a database that is not ready.

    The driver refuses some of them itself, and the toolkit hands those on as plain errors.
    """
    chain: BaseException | None = error
    while chain is not None:
        if str(getattr(chain, "sqlstate", "") or "")[:2] in {"22", "23"}:
            return True
        if isinstance(chain, DataError | IntegrityError | asyncpg.DataError):
            return True
        chain = getattr(chain, "orig", None) or chain.__cause__
    return False


async def database_now(connection: AsyncConnection) -> datetime:
    """Read the database's clock, the only one that leases are measured by."""
    moment: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment


def schema_metadata(service: str) -> MetaData:
    """Return the metadata of `service`, importing its tables."""
    metadata = import_module(f"services.{service}.tables").METADATA
    assert isinstance(metadata, MetaData)
    return metadata


def _script(service: str) -> tuple[Config, ScriptDirectory]:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(str(import_module(f"services.{service}").__path__[0])) / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def head(service: str) -> str | None:
    """Return the newest migration that the code of `service` knows."""
    return _script(service)[1].get_current_head()


def _upgrade(connection: Connection, service: str) -> tuple[str | None, str | None]:
    from alembic.operations import Operations
    from alembic.runtime.environment import EnvironmentContext

    config, script = _script(service)
    before: list[str | None] = []

    def steps(revision: object, _context: object) -> object:
        current = revision if isinstance(revision, tuple) else (revision,)
        before.append(next((str(name) for name in current if name), None))
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command.upgrade does

    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{service}"'))
    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(
            connection=connection,
            target_metadata=schema_metadata(service),
            version_table="migration",
            version_table_schema=service,
        )
        with Operations.context(environment.get_context()):
            environment.run_migrations()
    return (before[0] if before else None), script.get_current_head()


async def migrate(engine: AsyncEngine) -> dict[str, tuple[str | None, str | None]]:
    """Bring every schema to its newest version; return (before, after) for each.

    All in one transaction: a migration that fails leaves everything as it was.
    """
    done = {}
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        for service in SCHEMAS:
            done[service] = await connection.run_sync(_upgrade, service)
    return done


async def applied(engine: AsyncEngine, service: str) -> str | None:
    """Return the migration that `service`'s schema is at, or None where there is none yet."""
    async with transaction(engine) as connection:
        exists = await connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{service}.migration"})
        if not exists:
            return None
        version: str | None = await connection.scalar(
            text(f'SELECT version_num FROM "{service}".migration')  # noqa: S608 - a name of ours
        )
        return version
