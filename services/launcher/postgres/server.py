"""A private PostgreSQL: reached by a socket that only its owner may open, never by the network.

    server = PostgresServer(data)
    await server.start()      # makes the cluster the first time (about 1 s); 0.2 s later
    server.url()              # "postgresql+asyncpg://codegrey@/codegrey?host=…", the same again next time
    await server.stop()
    await server.remove()     # tests: stop, and delete the cluster, also where root keeps it outside the folder

The database `codegrey` belongs to the role `codegrey`, which is no superuser. Who may connect is decided by the
operating system's word (peer authentication) for the user who started it, and root. What an earlier run left
behind under the same data folder is ended first, so keep to one server for each folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from services.launcher.postgres.account import Place, PostgresError, remove_place, settle
from services.launcher.postgres.cluster import ENVIRONMENT, end_strays, make_cluster, server_command, write_settings
from services.launcher.processes.children import Child, ProcessTable
from services.launcher.processes.log import rotate_in_place

ROLE = "codegrey"
START_LIMIT_S = 60.0


class PostgresServer:
    """One PostgreSQL on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.logs = self.data / "logs"
        self._table = ProcessTable(self.data)
        self._child: Child | None = None
        self._place: Place | None = None

    @property
    def log(self) -> Path:
        """What PostgreSQL says; the supervisor keeps it from growing."""
        return self.logs / "postgres.log"

    @property
    def place(self) -> Place:
        """Where it lives; known from the first start."""
        assert self._place is not None, "not started yet"
        return self._place

    @property
    def placed(self) -> bool:
        """Whether its place is found, so that `url` is known."""
        return self._place is not None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._child.pid if self._child else None

    def url(self, database: str = "codegrey") -> str:
        """Return SQLAlchemy's address of a database."""
        return f"postgresql+asyncpg://{ROLE}@/{database}?host={quote(str(self.place.socket), safe='/')}"

    def ended(self) -> int | None:
        """Return the exit status of a server that ended by itself, else None."""
        return self._child.ended() if self._child else None

    async def start(self) -> None:
        """Make the cluster if need be, start, and return when the database `codegrey` answers."""
        for folder in (self.data, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self._place = await asyncio.to_thread(settle, self.data)
        await asyncio.to_thread(self._table.end_leftover, "postgres", signal.SIGINT)
        await asyncio.to_thread(end_strays, place)
        await make_cluster(place)
        write_settings(place, sorted({pwd.getpwuid(0).pw_name, pwd.getpwuid(os.geteuid()).pw_name}))
        log = self.log
        rotate_in_place(log)
        with log.open("ab") as file:
            said_before = file.tell()
            self._child = Child.start(
                "postgres",
                server_command(place),
                table=self._table,
                env=ENVIRONMENT,
                output=file,
                cwd=place.home,
                account=place.account,
                stop_signal=signal.SIGINT,
            )
        try:
            await self._until_ready(log, said_before)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, patience: float = 15.0, hurry: Callable[[], bool] = lambda: False) -> None:
        """Shut down: connections are cut, a checkpoint is written; after `patience` seconds, or in a hurry, without."""
        if self._child:
            await self._child.stop([(signal.SIGINT, patience), (signal.SIGQUIT, 5.0)], hurry)
            self._child = None
            await asyncio.to_thread(end_strays, self.place)

    def kill9(self) -> None:
        """Kill the postmaster the hard way, and return when it is gone (its backends may linger a moment)."""
        if self._child:
            self._child.send(signal.SIGKILL)
            self._child.process.wait()
            self._child.ended()
            self._child = None

    async def remove(self) -> None:
        """Stop, and delete the cluster and the socket's folder."""
        await self.stop()
        await asyncio.to_thread(remove_place, self.data)

    async def _until_ready(self, log: Path, said_before: int) -> None:
        """Connect until it works; make the role and the database the first time."""
        import asyncpg

        until = time.monotonic() + START_LIMIT_S
        not_yet = (
            OSError,
            asyncpg.CannotConnectNowError,
            asyncpg.InterfaceError,
            asyncpg.PostgresConnectionError,
        )
        while True:
            try:
                connection = await asyncpg.connect(
                    host=str(self.place.socket), user="postgres", database="postgres", timeout=10
                )
                break
            except not_yet as error:
                status = self.ended()
                if status is not None or time.monotonic() > until:
                    words = log.read_bytes()[said_before:].decode("utf-8", "replace").strip().splitlines()
                    raise PostgresError(
                        f"PostgreSQL did not start (status {status}): {' | '.join(words[-4:]) or error}"
                    ) from error
                await asyncio.sleep(0.04)
        try:
            if not await connection.fetchval("select true from pg_roles where rolname = $1", ROLE):
                await connection.execute(f'create role "{ROLE}" login')
            if not await connection.fetchval("select true from pg_database where datname = $1", ROLE):
                with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                    await connection.execute(f'create database "{ROLE}" owner "{ROLE}"')
        finally:
            await connection.close()
