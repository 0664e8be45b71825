"""Start `run_stand_ins.py` as a process of its own, read what it says, and end it gently or not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import psutil

from services.launcher.postgres.account import remove_place
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("run_stand_ins.py")


class Up:
    """One `codegrey up` on stand-in services."""

    started: ClassVar[list[Up]] = []

    def __init__(
        self,
        data: Path,
        *words: str,
        python: str = sys.executable,
        account: tuple[int, int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.log = data.with_name(data.name + ".log")
        Up.started.append(self)
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} if environment is None else dict(environment)
        user = {"user": account[0], "group": account[1], "extra_groups": []} if account else {}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [python, str(SCRIPT), str(data), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=base,
                cwd=ROOT,
                **user,  # type: ignore[call-overload]
            )

    def said(self) -> str:
        """Return what this run has said so far."""
        return self.log.read_bytes()[self._said_before :].decode("utf-8", "replace")

    async def says(self, words: str, within: float = 30.0) -> None:
        """Wait until it says something."""
        await wait_until(lambda: words in self.said() or self._ended(), within=within, what=f"{words!r}\n{self.said()}")
        assert words in self.said(), self.said()

    async def runs(self) -> None:
        """Wait until everything runs."""
        await self.says("everything runs")

    async def ends(self, within: float = 30.0) -> int:
        """Wait for its end; return the exit status."""
        await wait_until(self._ended, within=within, what=self.said())
        return int(self.process.returncode)

    async def stop(self) -> int:
        """Stop it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return await self.ends()

    def children(self) -> list[psutil.Process]:
        """Return every process below it: the guard, the servers with theirs, the services."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def recorded(self) -> dict[str, int]:
        """Return the recorded process ids by name."""
        raw = json.loads((self.data / "run" / "processes.json").read_text())
        return {name: entry["pid"] for name, entry in raw.items()}

    def endpoints(self) -> dict[str, str]:
        """Return the settings that it tells other commands."""
        raw = json.loads((self.data / "run" / "endpoints.json").read_text())
        return dict(raw["environment"])

    def _ended(self) -> bool:
        return self.process.poll() is not None


def kill_what_a_failed_test_left() -> None:
    """Kill every `up` that still runs, with all below it."""
    while Up.started:
        up = Up.started.pop()
        if up.process.poll() is None:
            processes = up.children()
            up.process.kill()
            up.process.wait()
            for one in running(processes):
                one.kill()
            psutil.wait_procs(processes, timeout=10)


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run (a zombie does not)."""
    left = []
    for one in processes:
        try:
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                left.append(one)
        except psutil.NoSuchProcess:
            continue
    return left


def clear(folder: Path) -> None:
    """Delete a folder of data folders, and what root keeps elsewhere for them."""
    for pointer in folder.rglob("postgres.json"):
        remove_place(pointer.parent)
    shutil.rmtree(folder, ignore_errors=True)


def reachable(path: Path) -> bool:
    """Tell whether everybody may enter every folder on the way to a path."""
    folders = [path, *path.parents] if path.is_dir() else path.parents
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def share(path: Path, into: Path) -> Path:
    """Return the path, or a copy that everybody can reach (hard links where that is possible)."""
    if reachable(path):
        return path

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    ignored = shutil.ignore_patterns("__pycache__", "test", "site-packages", "config-*", ".git", ".venv", "*.a")
    shutil.copytree(path, into, copy_function=link, ignore=ignored, symlinks=True)
    return into


def python_for_everybody(into: Path) -> str:
    """Return a Python with our packages that any user can run: a copy of this one where it stands in root's home."""
    if all(map(reachable, (Path(sys.prefix), Path(sys.executable).resolve(), Path(os.__file__).parent, ROOT))):
        return sys.executable
    home = into / "python"
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix).resolve()
    (home / "bin").mkdir(parents=True)
    shutil.copy2(Path(sys.executable).resolve(), home / "bin" / "real")
    # Its own library is looked for where it was built to be: in the folder that nobody may enter. The name that it is
    # called by stays that of this script, so that every process it starts comes by here too.
    script = f'#!/bin/bash\nLD_LIBRARY_PATH="{home}/lib" exec -a "$0" "{home}/bin/real" "$@"\n'
    (home / "bin" / name).write_text(script)
    (home / "bin" / name).chmod(0o755)
    shutil.copytree(
        base / "lib" / name,
        home / "lib" / name,
        ignore=shutil.ignore_patterns("__pycache__", "test", "site-packages", "config-*", "idlelib", "tkinter"),
    )
    for library in (base / "lib").glob("libpython*"):
        shutil.copy2(library, home / "lib" / library.name)
    packages = Path(psutil.__file__).parents[1]
    paths = [
        packages if reachable(packages) else copy_packages(packages, into / "packages"),
        share(ROOT, into / "root"),
    ]
    (home / "lib" / name / "site-packages").mkdir()
    (home / "lib" / name / "site-packages" / "shared.pth").write_text("".join(f"{path}\n" for path in paths))
    (home / "share").mkdir()
    (home / "share" / "codegrey").symlink_to(share(Path(sys.prefix) / "share" / "codegrey", into / "jars"))
    return str(home / "bin" / name)


def copy_packages(packages: Path, into: Path) -> Path:
    """Copy the installed packages; slow, and only needed where the whole checkout is out of others' reach."""
    shutil.copytree(packages, into, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    return into
