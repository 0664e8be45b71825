"""One whole Code Grey under `codegrey up`, with the means to kill any part of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from services.launcher.processes.children import ProcessTable
from shared.settings import Settings, load_settings, read_endpoints
from tests.waiting import wait_until

SERVICES = ("ingest", "classifier", "tracker", "notifier")
SERVERS = ("kafka", "postgres")


class Stack:
    """A supervisor in a process of its own, and what it started."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.data = folder / "data"
        self.config = folder / "config"
        self.crash_file = folder / "crash"
        self.log = folder / "up.log"
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def up(self) -> None:
        """Start it and return when everything is ready."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CODEGREY_")}
        # Who counts alerts and records wants no canaries among them, unless it asks for them.
        environment |= (
            {"CODEGREY_CANARY_EVERY_S": "0"} | self._environment | {"CODEGREY_CRASH_FILE": str(self.crash_file)}
        )
        command = [sys.executable, "-m", "services.launcher.cli", "up", "--healthy-after", "0.5"]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                "--data",
                str(self.data),
                "--config",
                str(self.config),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            await wait_until(self._started, within=120)
        except AssertionError as never:
            raise AssertionError(f"`codegrey up` is not ready: {never}\n{self.tail()}") from None

    def _started(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"`codegrey up` ended with {self._process.returncode}: {self.tail()}")
        return read_endpoints(self.data).get("pid") == self._process.pid

    def tail(self) -> str:
        """Return the end of what the supervisor said."""
        return self.log.read_text("utf-8", "replace")[-6_000:] if self.log.exists() else ""

    def pid(self, name: str) -> int | None:
        """Return the process id of a part that runs now."""
        if name == "supervisor":
            return self._process.pid if self._process and self._process.returncode is None else None
        record = ProcessTable(self.data).read().get(name)
        return record.pid if record and record.alive() else None

    def kill(self, name: str) -> bool:
        """Kill one part as by kill -9; False where it does not run at this moment."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    async def kill_supervisor(self) -> None:
        """Kill the supervisor and wait until it is reaped."""
        assert self._process is not None
        self.kill("supervisor")
        await self._process.wait()

    async def kill_everything(self) -> None:
        """Kill all of it at once: supervisor, services and servers."""
        for name in (*SERVICES, *SERVERS):
            self.kill(name)
        await self.kill_supervisor()

    async def down(self) -> int:
        """Stop in good order and return the exit status; nothing to do where nothing was started."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 90)

    def settings(self) -> Settings:
        """Return settings that reach the running servers."""
        return load_settings(data=self.data)
