"""`codegrey restore`: from a backup to a folder that goes on where it was, and sends nothing again without saying so.

Everything is checked before anything is changed. While it works a mark stands in the data folder, so that half a
restored one is never run; the next `restore` begins anew. With servers of yours the database may not have our schemas
yet, and the topics must be empty.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from services.launcher.backup import file as backup_file
from services.launcher.backup.database import load_database
from services.launcher.backup.file import DATABASE, TOPICS, Manifest
from services.launcher.backup.topics import make_topics, publish_kept, refuse_filled
from services.launcher.datafolder import DataFolder
from services.launcher.own_servers import own_servers, settings_here
from services.launcher.plan import ROOT
from services.launcher.postgres.account import remove_place
from services.launcher.processes.children import write_privately
from services.launcher.up import our_versions
from services.notifier.config import Channel, read_subscriptions
from services.notifier.restored import Settled, settle_restored
from shared.database import SCHEMAS, migrate, open_engine, transaction
from shared.errors import CodeGreyError, ConfigError
from shared.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What was done, and what a person should know of it."""

    manifest: Manifest
    settled: list[Settled]
    secrets: Path


async def restore(source: Path, data: Path, config: Path, say: Say, *, replace_config: bool = False) -> Restored:
    """Restore a backup into a data folder that is new, and a configuration folder."""
    ours = our_versions()
    manifest = backup_file.read_manifest(source)
    reason = backup_file.refuse_backup(manifest, program=ours.program, postgres=ours.postgres) or unknown(manifest)
    if reason:
        raise ConfigError(f"{source} is not restored: {reason}")
    folder = DataFolder(data)
    folder.refuse_if_held()
    refuse_used(folder)
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    settings = settings_here(folder, config=config.absolute())
    with ExitStack() as stack:
        stage = stack.enter_context(backup_file.staging(folder.path))
        manifest = backup_file.unpack(source, stage)
        say(f"{source}: whole, of {manifest.made_at:%Y-%m-%d %H:%M} UTC, by Code Grey {manifest.program}")
        refuse_other_config(stage / "config", config, replace=replace_config)
        folder.prepare()
        folder.lock()
        stack.callback(folder.unlock)
        clear_half(folder)
        write_privately(folder.restoring, f"{source.absolute()}\n")
        place_config(stage / "config", config)
        async with own_servers(folder, settings) as reached:
            settled = await _fill(reached, stage, manifest, say)
        secrets = keep_secrets(stage, folder)
        folder.note_version(ours)
        folder.restoring.unlink()
    return Restored(manifest, settled, secrets)


async def _fill(settings: Settings, stage: Path, manifest: Manifest, say: Say) -> list[Settled]:
    """Fill the servers: tables, their migrations, what is doubtful, the topics, the offsets."""
    engine = open_engine(settings)
    try:
        async with transaction(engine) as connection:
            for name in SCHEMAS:
                if await connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": name}):
                    raise ConfigError(f"the database has a schema {name!r} already: name an empty one")
        await refuse_filled(settings)
        await load_database(settings.database_url.get_secret_value(), stage / DATABASE)
        say("database: loaded")
        for name, (before, now) in (await migrate(engine)).items():
            if before != now:
                say(f"database: {name} went from {before} to {now}")
        async with transaction(engine) as connection:
            settled = await settle_restored(connection, _channels(settings))
    finally:
        await engine.dispose()
    await make_topics(settings, manifest.topics)
    counts = await publish_kept(settings, stage / TOPICS, manifest.groups, say)
    say(f"topics: {sum(counts.values())} records")
    expected = sum(part.records for part in manifest.topics.values())
    if sum(counts.values()) != expected:
        raise CodeGreyError(f"{expected} records were expected in the topics, {sum(counts.values())} were there")
    return settled


def unknown(manifest: Manifest) -> str | None:
    """Return which schema is of a migration that this program has not, or None."""
    for schema, revision in manifest.schemas.items():
        if schema not in SCHEMAS or not list(
            (ROOT / "services" / schema / "migrations/versions").glob(f"{revision}_*")
        ):
            return f"its schema {schema} is at {revision}, which this program does not know: update first"
    return None


def _channels(settings: Settings) -> Mapping[str, Channel]:
    try:
        return read_subscriptions(settings).channels
    except ConfigError:  # it says so itself when the notifier starts; until then the default policy holds
        return {}


def refuse_used(folder: DataFolder) -> None:
    """Refuse a data folder that something lives in, but for what an interrupted restore has left."""
    lived_in = any((folder.path / name).exists() for name in ("version.json", "kafka", "postgres.json"))
    if lived_in and not folder.restoring.exists():
        raise ConfigError(f"{folder.path} is in use by a Code Grey: name a new folder (--data), or move that one away")


def clear_half(folder: DataFolder) -> None:
    """Remove what an interrupted restore has left; nothing of it was ever run."""
    remove_place(folder.path)
    for name in ("kafka", "postgres", "logs", "secrets"):
        shutil.rmtree(folder.path / name, ignore_errors=True)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuse_other_config(kept: Path, config: Path, *, replace: bool) -> None:
    """Refuse to mix two configurations."""
    present = _files(config) if config.is_dir() else {}
    if not replace and present and present != _files(kept):
        raise ConfigError(
            f"{config} holds another configuration: --replace-config puts it aside, --config names another folder"
        )


def place_config(kept: Path, config: Path) -> None:
    """Put the configuration in its place; what stood there stays beside it."""
    if not kept.is_dir() or (config.is_dir() and _files(config) == _files(kept)):
        return
    if config.is_dir() and any(config.iterdir()):
        number = 1
        while (aside := config.with_name(f"{config.name}.before-restore-{number}")).exists():
            number += 1
        os.rename(config, aside)
    config.mkdir(parents=True, exist_ok=True)
    shutil.copytree(kept, config, dirs_exist_ok=True)


def keep_secrets(stage: Path, folder: DataFolder) -> Path:
    """Put secret files and settings where only their owner reads them; nothing takes effect by itself."""
    into = folder.path / "secrets" / "restored"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700, parents=True)
    shutil.copyfile(stage / "settings.env", into / "settings.env")
    (into / "settings.env").chmod(0o600)
    if (stage / "secrets").is_dir():
        shutil.copytree(stage / "secrets", into, dirs_exist_ok=True)
    return into
