"""End the children of a process that can no longer do it: a small process that outlives a kill -9 of its owner.

The owner writes one JSON object a line to the guard's standard input: a child to watch, or one to forget. The
pipe closes when the owner ends, however it ends; the guard then ends every child it still watches: its
signal to the whole group, patience, SIGKILL. A child is known by its process id and its birth, so a number
that was given to another process is never signalled.

The process side runs as `python -I -S guard.py`: standard library only, for a start in 15 ms and 9 MB.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

STEP_S = 0.05
LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Ward:
    """A child to be ended: which signal asks it to, and how long it may take before it is killed."""

    pid: int
    birth: str
    signal: int
    patience: float


@lru_cache(maxsize=1)
def boot() -> str:
    """Name the running boot of the machine: process ids and start times mean nothing beyond it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def birth(pid: int) -> str | None:
    """Return what tells a process from every other one that had or will have its number; None when it is gone.

    On Linux the start in clock ticks since boot, which no change of the clock moves; elsewhere what `ps` says.
    A zombie counts as gone.
    """
    if LINUX:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else f"{boot()}:{fields[19].decode()}"
    shown = subprocess.run(["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def send(ward: Ward, number: int) -> bool:
    """Signal the child and its group, if the process of that number is still the one we mean."""
    if birth(ward.pid) != ward.birth:
        return False
    try:
        if os.getpgid(ward.pid) == ward.pid:
            os.killpg(ward.pid, number)
        else:
            os.kill(ward.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(wards: list[Ward]) -> None:
    """Ask all of them to end, wait for each as long as it may take, then kill what is left."""
    asked = time.monotonic()
    left = [ward for ward in wards if send(ward, ward.signal)]
    for ward in left:
        send(ward, signal.SIGCONT)  # one that was stopped acts on the signal only when it goes on
    while left:
        time.sleep(STEP_S)
        waited = time.monotonic() - asked
        left = [ward for ward in left if birth(ward.pid) == ward.birth]
        for ward in left:
            if waited > ward.patience:
                send(ward, signal.SIGKILL)
        if waited > 10 + max((ward.patience for ward in left), default=0.0):
            return  # not even SIGKILL helps: nothing more to be done from here


def main() -> None:
    """Keep the list that the owner dictates, and carry it out when the owner is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wards: dict[int, Ward] = {}
    for line in sys.stdin:
        said = json.loads(line)
        if "forget" in said:
            wards.pop(said["forget"], None)
        else:
            ward = Ward(**said)
            wards[ward.pid] = ward
    end(list(wards.values()))


class Guard:
    """The owner's side: one guard process for all children, started when first needed and again when it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._wards: dict[int, Ward] = {}

    @property
    def pid(self) -> int | None:
        """The guard's process id, once it runs."""
        return self._process.pid if self._process else None

    def watch(self, ward: Ward) -> None:
        """Have this child ended should the owner vanish."""
        self._wards[ward.pid] = ward
        self._tell(asdict(ward))

    def forget(self, pid: int) -> None:
        """Drop a child that has ended."""
        if self._wards.pop(pid, None):
            self._tell({"forget": pid})

    def check(self) -> None:
        """Start the guard again if it was killed: call it now and then."""
        if self._process is not None and self._process.poll() is not None:
            self._start()

    def dismiss(self) -> None:
        """End the guard: every child has ended."""
        if self._process is not None and self._process.stdin is not None:
            self._wards.clear()
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process = None

    def _tell(self, said: dict[str, object]) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()  # which tells it of every ward
            return
        try:
            self._write(said)
        except BrokenPipeError:
            self._start()

    def _write(self, said: dict[str, object]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()

    def _start(self) -> None:
        if self._process is not None:
            self._process.wait()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            cwd="/",
        )
        for ward in self._wards.values():
            self._write(asdict(ward))


@lru_cache(maxsize=1)
def shared_guard() -> Guard:
    """Return this process's own guard."""
    return Guard()


if __name__ == "__main__":
    main()
