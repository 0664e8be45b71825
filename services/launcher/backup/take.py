"""`codegrey backup`: configuration, database and what is under way between the services, taken while they run.

The order is what makes it whole:

1. the offsets that each group has committed,
2. a snapshot of the database (repeatable read),
3. the ends of the topics,
4. the database as the snapshot shows it, and the records up to those ends.

Whatever had left one service's hands at 2 is either in the next one's tables at 2, or among the records between 1 and
3. What was handled between 1 and 2 is in both, and known by its id: work repeats, nothing is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.launcher.backup import file as backup_file
from services.launcher.backup.database import dump_database
from services.launcher.backup.file import DATABASE, TOPICS, Manifest, TopicPart
from services.launcher.backup.topics import committed_offsets, save_records, spans
from services.launcher.datafolder import DataFolder
from services.launcher.own_servers import environment_of, own_servers, settings_here
from services.launcher.processes.children import write_privately
from services.launcher.up import our_versions
from shared.database import SCHEMAS, open_engine
from shared.errors import ConfigError
from shared.settings import Settings, read_endpoints

MAX_CONFIG_FILE = 20_000_000
NOT_KEPT = ("CODEGREY_DATA", "CODEGREY_CONFIG", "CODEGREY_SECRETS_DIR", "CODEGREY_CRASH_FILE")
Say = Callable[[str], None]


async def backup(target: Path, data: Path, say: Say) -> Manifest:
    """Write a backup of everything to a file that does not exist yet; return what it holds."""
    target = target.absolute()
    backup_file.refuse_existing(target)
    folder = DataFolder(data)
    settings = settings_here(folder)
    async with AsyncExitStack() as stack:
        stage = stack.enter_context(backup_file.staging(target))
        if not settings.kafka_bootstrap or not settings.database_url.get_secret_value():
            if not (folder.path / "version.json").exists():
                raise ConfigError(f"there is nothing to back up in {folder.path} (--data)")
            folder.lock()
            stack.callback(folder.unlock)
            folder.check_version(our_versions())
            say("nothing runs here: starting the servers for this")
        reached = await stack.enter_async_context(own_servers(folder, settings))
        manifest = await _gather(reached, stage, environment_of(read_endpoints(folder.path).get("pid")), say)
        backup_file.write_backup(target, stage, manifest)
    return manifest


async def _gather(settings: Settings, stage: Path, environment: Mapping[str, str], say: Say) -> Manifest:
    """Put everything into the staging folder, and describe it."""
    files = save_configuration(settings, stage, environment)
    say(f"configuration: {files} files")
    groups = await committed_offsets(settings)
    engine = open_engine(settings)
    try:
        async with engine.connect() as connection:
            snapshot = await open_snapshot(connection)
            wanted, partitions = await spans(settings, groups)
            schemas, unfinished = await _state(connection)
            say("database: a snapshot is taken, dumping it")
            url = settings.database_url.get_secret_value()
            await dump_database(url, stage / DATABASE, snapshot=snapshot)
            version = str(await connection.scalar(text("SHOW server_version"))).split()[0]
        say(f"database: {shown((stage / DATABASE).stat().st_size)}; now the topics")
    finally:
        await engine.dispose()
    counts = await save_records(settings, wanted, stage / TOPICS, say)
    say(f"topics: {sum(counts.values())} records, {shown((stage / TOPICS).stat().st_size)}")
    ours = our_versions()
    return Manifest(
        format=backup_file.FORMAT,
        program=ours.program,
        kafka=ours.kafka,
        postgres=version,
        made_at=datetime.now(UTC),
        schemas=schemas,
        groups=groups,
        topics={name: TopicPart(partitions=n, records=counts[name]) for name, n in partitions.items()},
        open_deliveries=unfinished,
        members=backup_file.members_of(stage),
    )


async def open_snapshot(connection: AsyncConnection) -> str:
    """Begin a transaction that sees one moment, and lend that moment to others."""
    await connection.execution_options(isolation_level="REPEATABLE READ")
    await connection.execute(text("SET TRANSACTION READ ONLY"))
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    return str(await connection.scalar(text("SELECT pg_export_snapshot()")))


async def _state(connection: AsyncConnection) -> tuple[dict[str, str], int]:
    schemas = {}
    for name in SCHEMAS:
        if not await connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{name}.migration"}):
            raise ConfigError(f"the database has no schema {name!r} yet: there is nothing to back up")
        found = await connection.scalar(text(f'SELECT version_num FROM "{name}".migration'))  # noqa: S608 - ours
        schemas[name] = str(found)
    unfinished = "SELECT count(*) FROM notifier.delivery WHERE state IN ('queued', 'sending')"
    return schemas, int(await connection.scalar(text(unfinished)) or 0)


def save_configuration(settings: Settings, stage: Path, environment: Mapping[str, str]) -> int:
    """Copy the configuration, the secret files and the settings of the environment; return how many files."""
    count = 0
    if settings.config.is_dir():
        for source in sorted(path for path in settings.config.rglob("*") if path.is_file()):
            if source.stat().st_size > MAX_CONFIG_FILE:
                raise ConfigError(f"{source} is larger than {shown(MAX_CONFIG_FILE)}: is it configuration?")
            _copy(source, stage / "config" / source.relative_to(settings.config))
            count += 1
    if settings.secrets_dir.is_dir():
        for source in sorted(settings.secrets_dir.glob("codegrey_*")):
            if source.is_file():
                _copy(source, stage / "secrets" / source.name)
                count += 1
    kept = {name: value for name, value in environment.items() if name not in NOT_KEPT}
    lines = [f"{name}={quoted(value)}\n" for name, value in sorted(kept.items())]
    write_privately(stage / "settings.env", "".join(lines))
    return count + 1


def quoted(value: str) -> str:
    """Quote a value as both a shell and systemd's EnvironmentFile read it."""
    return "'" + value.replace("'", "'\\''") + "'"


def _copy(source: Path, into: Path) -> None:
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, into)
    into.chmod(0o600)


def shown(count: int) -> str:
    """Return a number of bytes as people write it."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
