"""Start children that cannot outlive us, remember them on disk, and end what an earlier run left behind.

`run/processes.json` in the data folder holds, for each child, its name, process id, birth and group. Nothing is
ever signalled on a number alone: number and birth must both be those of the record.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from services.launcher.processes import child
from services.launcher.processes.guard import Guard, Ward, birth, end, shared_guard

POLL_S = 0.02
_writing = threading.Lock()  # two servers of one folder may start side by side


def write_privately(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


@dataclass(frozen=True)
class Record:
    """A child as it stands on disk."""

    name: str
    pid: int
    birth: str
    group: int

    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        return birth(self.pid) == self.birth


class ProcessTable:
    """The children of one data folder, on disk."""

    def __init__(self, data: Path) -> None:
        self.path = data / "run" / "processes.json"

    def read(self) -> dict[str, Record]:
        """Return what is recorded; nothing where there is no file or it cannot be read."""
        try:
            raw = json.loads(self.path.read_text("utf-8"))
            return {name: Record(name=name, **entry) for name, entry in raw.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def put(self, record: Record) -> None:
        """Record a child under its name."""
        with _writing:
            self._write({**self.read(), record.name: record})

    def drop(self, name: str, pid: int) -> None:
        """Strike out a child, unless another one has taken its name."""
        with _writing:
            records = self.read()
            if name in records and records[name].pid == pid:
                del records[name]
                self._write(records)

    def end_leftover(self, name: str, first: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> Record | None:
        """End the child that an earlier run left under this name; return it if there was one."""
        record = self.read().get(name)
        if record is None:
            return None
        was_alive = record.alive()
        end([Ward(record.pid, record.birth, first, patience)])
        self.drop(name, record.pid)
        return record if was_alive else None

    def _write(self, records: Mapping[str, Record]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        raw = {name: {k: v for k, v in asdict(record).items() if k != "name"} for name, record in records.items()}
        write_privately(self.path, json.dumps(raw, indent=1) + "\n")


@dataclass(frozen=True)
class Account:
    """A user of the machine that a child runs as."""

    name: str
    uid: int
    gid: int


def command_as(account: Account | None, program: Sequence[str], death_signal: int = signal.SIGKILL) -> list[str]:
    """Return the command that runs a program as a user, tied to our life (see `child`)."""
    who = f"{account.uid}:{account.gid}" if account else "-"
    return [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), str(int(death_signal)), who, *program]


class Child:
    """A running child in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], record: Record, table: ProcessTable, guard: Guard) -> None:
        self.process = process
        self.record = record
        self._table = table
        self._guard = guard

    @classmethod
    def start(
        cls,
        name: str,
        program: Sequence[str],
        *,
        table: ProcessTable,
        env: Mapping[str, str],
        output: IO[bytes] | int,
        cwd: Path,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        patience: float = 8.0,
        stdin: int = subprocess.DEVNULL,
        errors: IO[bytes] | int = subprocess.STDOUT,
        guard: Guard | None = None,
    ) -> Child:
        """Start a program, recorded and guarded.

        Call it on a thread that lives as long as the child should (the main one): Linux ties the child to it.
        """
        guard = guard or shared_guard()
        process = subprocess.Popen(
            command_as(account, program, stop_signal),
            stdin=stdin,
            stdout=output,
            stderr=errors,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        try:
            born = birth(process.pid) or ""
            record = Record(name, process.pid, born, process.pid)
            guard.watch(Ward(process.pid, born, int(stop_signal), patience))
            table.put(record)
        except BaseException:
            # What cannot be recorded (a full disk) must not run on unknown beside its successor.
            process.kill()
            process.wait()
            guard.forget(process.pid)
            raise
        return cls(process, record, table, guard)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def ended(self) -> int | None:
        """Return the exit status once the child has ended, else None."""
        status = self.process.poll()
        if status is not None:
            self._guard.forget(self.pid)
        return status

    def send(self, number: int, *, group: bool = False) -> None:
        """Signal the child, or its whole group; harmless once it has ended."""
        if self.process.poll() is None:
            if group:
                os.killpg(self.pid, number)
            else:
                self.process.send_signal(number)

    async def wait(self, limit: float | None = None, hurry: Callable[[], bool] = lambda: False) -> int | None:
        """Wait for the end; return the exit status, or None when the limit has passed or there is a hurry."""
        until = None if limit is None else time.monotonic() + limit
        while (status := self.ended()) is None:
            if hurry() or (until is not None and time.monotonic() > until):
                return None
            await asyncio.sleep(POLL_S)
        self._table.drop(self.record.name, self.pid)
        return status

    async def stop(
        self, steps: Sequence[tuple[signal.Signals, float]], hurry: Callable[[], bool] = lambda: False
    ) -> int:
        """Send one signal after the other, each with its patience, until the child has ended; kill it at last.

        A hurry cuts the first patience short.
        """
        for place, (number, patience) in enumerate(steps):
            self.send(number)
            if (status := await self.wait(patience, (lambda: False) if place else hurry)) is not None:
                return status
        self.send(signal.SIGKILL, group=True)
        status = await self.wait()
        assert status is not None
        return status
