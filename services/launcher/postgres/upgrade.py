"""From one major version of PostgreSQL to the next: `codegrey upgrade-data --programs FOLDER`.

Another major version cannot read a cluster. So the old programs serve it once more, our schemas are dumped by the new
`pg_dump`, and a new cluster takes them in. The old cluster stays beside the new one, as `cluster-before-<major>`. An
upgrade that is interrupted begins anew: until the version file says so, the old cluster is the true one.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from services.launcher.backup.database import dump_database, load_database
from services.launcher.datafolder import DataFolder, Versions, numbers
from services.launcher.postgres.account import Place, PostgresError, settle
from services.launcher.postgres.cluster import ENVIRONMENT, end_strays, write_as
from services.launcher.postgres.server import PostgresServer
from services.launcher.processes.children import Account, Child, ProcessTable, command_as
from services.launcher.processes.steps import end_leftovers
from shared.errors import CodeGreyError, ConfigError

START_LIMIT_S = 60.0
Say = Callable[[str], None]


def find_programs(folder: Path) -> Path:
    """Return the folder with `postgres` in it, wherever it stands below (a wheel has it deep inside)."""
    for found in (folder, folder / "bin", *sorted(path.parent for path in folder.rglob("bin/postgres"))):
        if (found / "postgres").is_file():
            return found.resolve()
    raise ConfigError(f"there is no PostgreSQL in {folder}: no file named `postgres`")


def cluster_major(cluster: Path) -> int | None:
    """Return which major version wrote a cluster; None where there is none."""
    try:
        return int((cluster / "PG_VERSION").read_text("ascii").strip().split(".")[0])
    except (OSError, ValueError):
        return None


def programs_major(place: Place, programs: Path) -> int:
    """Ask the programs for their version, as the user who is to run them."""
    if place.account and not can_run(programs, place.account):
        raise ConfigError(f"user {place.account.name} cannot run the programs in {programs}: put them where it can")
    said = subprocess.run(
        command_as(place.account, [str(programs / "postgres"), "--version"]), capture_output=True, text=True, cwd="/"
    ).stdout
    found = re.search(r"\b(\d+)(?:\.\d+|beta|rc)", said)
    if found is None:
        raise ConfigError(f"{programs / 'postgres'} does not say its version: {said.strip() or 'it cannot be run'}")
    return int(found[1])


def can_run(programs: Path, account: Account) -> bool:
    """Tell whether the account reaches the server's program."""
    command = command_as(account, [str(programs / "postgres"), "--version"])
    return subprocess.run(command, capture_output=True, cwd="/").returncode == 0


async def upgrade_database(folder: DataFolder, programs: Path, ours: Versions, say: Say) -> Path:
    """Bring the cluster of a folder that we hold to our version; return where the old one stands."""
    end_leftovers(ProcessTable(folder.path))
    place = await asyncio.to_thread(settle, folder.path)
    new = numbers(ours.postgres)[0]
    _recover(place, new, say)
    old = cluster_major(place.cluster)
    if old is None:
        raise ConfigError(f"there is no database in {folder.path}")
    binaries = find_programs(programs)
    if (found := programs_major(place, binaries)) != old:
        raise ConfigError(f"{binaries} holds PostgreSQL {found}, and the database was written by {old}")
    dump = folder.path / "run" / "upgrade.dump"
    dump.unlink(missing_ok=True)
    await _dump_old(folder, place, binaries, dump)
    say(f"PostgreSQL {old}: dumped, {dump.stat().st_size / 1e6:.1f} MB")
    aside = place.home / f"cluster-before-{new}"
    os.rename(place.cluster, aside)
    server = PostgresServer(folder.path)
    try:
        await server.start()
        await load_database(server.url(), dump)
    except BaseException:
        await server.stop()
        _recover(place, new, say)
        raise
    await server.stop()
    dump.unlink()
    say(f"PostgreSQL {new}: loaded")
    return aside


def _recover(place: Place, new: int, say: Say) -> None:
    """Put the old cluster back where an upgrade was interrupted."""
    aside = place.home / f"cluster-before-{new}"
    if aside.exists():
        shutil.rmtree(place.cluster, ignore_errors=True)
        os.rename(aside, place.cluster)
        say("the old database is in its place again")


async def _dump_old(folder: DataFolder, place: Place, binaries: Path, dump: Path) -> None:
    """Serve the old cluster with its own programs for as long as the dump takes."""
    end_strays(place)
    socket = str(place.socket).replace("'", "''")
    lines = ["listen_addresses = ''", f"unix_socket_directories = '{socket}'", "max_connections = 20"]
    write_as(place, "upgrade.conf", "\n".join([*lines, "unix_socket_permissions = 0700", ""]))
    log = folder.path / "logs" / "postgres-upgrade.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as file:
        child = Child.start(
            "postgres",
            [
                str(binaries / "postgres"),
                "-D",
                str(place.cluster),
                "-c",
                f"config_file={place.cluster / 'upgrade.conf'}",
            ],
            table=ProcessTable(folder.path),
            env=ENVIRONMENT,
            output=file,
            cwd=place.home,
            account=place.account,
            stop_signal=signal.SIGINT,
        )
    try:
        await _until_it_answers(child, place, log)
        await dump_database(f"postgresql+asyncpg://codegrey@/codegrey?host={place.socket}", dump)
    finally:
        await child.stop([(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)])
        end_strays(place)


async def _until_it_answers(child: Child, place: Place, log: Path) -> None:
    import asyncpg

    until = time.monotonic() + START_LIMIT_S
    while True:
        try:
            connection = await asyncpg.connect(host=str(place.socket), user="codegrey", database="codegrey", timeout=10)
            await connection.close()
            return
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if child.ended() is not None or time.monotonic() > until:
                words = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
                raise PostgresError(f"the old PostgreSQL did not start: {' | '.join(words) or error}") from error
            await asyncio.sleep(0.05)


async def upgrade_data(data: Path, programs: Path, ours: Versions, say: Say) -> Path:
    """Do it on a data folder that nothing runs on, and note the new version."""
    folder = DataFolder(data)
    if not (folder.path / "version.json").exists():
        raise ConfigError(f"{folder.path} is no data folder of Code Grey (--data)")
    folder.prepare()
    folder.lock()
    try:
        found = folder.found_version()
        if found is None or numbers(found.program) > numbers(ours.program):
            raise CodeGreyError(f"{folder.path} was written by a newer Code Grey: update this one first")
        if numbers(found.postgres)[:1] >= numbers(ours.postgres)[:1]:
            raise ConfigError(f"the database of {folder.path} is of PostgreSQL {found.postgres} already")
        aside = await upgrade_database(folder, programs, ours, say)
        folder.note_version(ours)
    finally:
        folder.unlock()
    return aside
