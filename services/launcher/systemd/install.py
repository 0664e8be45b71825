"""`codegrey service`: have systemd start `codegrey up` at boot, restart it when it fails, stop it in good order."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.launcher.datafolder import DataFolder
from services.launcher.processes.children import write_privately
from services.launcher.systemd.unit import NAME, Scope, Unit, environment_file, unit_folder
from shared.errors import CodeGreyError, ConfigError

NOT_HERE = (
    "systemd does not run here{why}. Have whatever starts services on this machine run `codegrey up`, and stop it "
    "with SIGINT or `codegrey down`; a line `@reboot` in your crontab is enough to start it at boot"
)
HEAD = """\
# Settings and secrets of the service, one CODEGREY_… a line: NAME='value'. `docs/settings.md` lists them.
# After a change: {restart}
"""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Manager:
    """The systemd that our unit belongs to: a user's own, or root's."""

    scope: Scope

    def command(self, *words: str) -> list[str]:
        """Return a `systemctl` command."""
        return ["systemctl", *(["--user"] if self.scope == "user" else []), *words]

    def call(self, *words: str) -> str:
        """Run `systemctl`; raise with what it said where it fails."""
        done = run(self.command(*words))
        if done.returncode:
            raise CodeGreyError(f"`{' '.join(self.command(*words))}` failed: {said(done)}")
        return done.stdout

    def require(self) -> None:
        """Raise where there is no such systemd."""
        if shutil.which("systemctl") is None:
            raise CodeGreyError(NOT_HERE.format(why=""))
        done = run(self.command("show", "--property=Version"))
        if done.returncode or not done.stdout.strip():
            raise CodeGreyError(NOT_HERE.format(why=f" for this user ({said(done)})" if said(done) else ""))

    @property
    def unit_file(self) -> Path:
        """Where the unit stands."""
        return unit_folder(self.scope, Path.home(), os.environ.get("XDG_CONFIG_HOME", "")) / NAME

    @property
    def environment_file(self) -> Path:
        """Where its settings stand."""
        return environment_file(self.scope, Path.home(), os.environ.get("XDG_CONFIG_HOME", ""))


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and take what it says."""
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of what a command said."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else ""


def our_manager() -> Manager:
    """Return root's systemd for root, the user's own for everybody else."""
    return Manager("system" if os.geteuid() == 0 else "user")


def program() -> Path:
    """Return this installation's `codegrey`."""
    found = Path(sys.prefix) / "bin" / "codegrey"
    if not found.exists():
        raise ConfigError(f"{found} is missing: run `make install`")
    return found


def install(manager: Manager, data: Path, config: Path, say: Say) -> None:
    """Write the unit, have it started now and at every boot."""
    manager.require()
    if not config.is_dir():
        raise ConfigError(f"there is no folder {config.absolute()} with feeds.yaml and subscriptions.yaml (--config)")
    running = manager.call("show", NAME, "--property=ActiveState").strip().endswith("=active")
    if not running:
        DataFolder(data).refuse_if_held()
    settings = manager.environment_file
    if not settings.exists():
        settings.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_privately(settings, HEAD.format(restart=" ".join(manager.command("restart", "codegrey"))))
        say(f"settings and secrets of the service go into {settings}")
    unit = Unit(manager.scope, program(), data.absolute(), config.absolute(), settings)
    manager.unit_file.parent.mkdir(parents=True, exist_ok=True)
    write_privately(manager.unit_file, unit.text())
    manager.call("daemon-reload")
    manager.call("enable", NAME)
    manager.call("restart" if running else "start", NAME)
    say(f"{manager.unit_file}: runs, and starts at boot")
    if manager.scope == "user":
        _linger(say)
    logs = "journalctl --user -u codegrey -f" if manager.scope == "user" else "journalctl -u codegrey -f"
    say(f"`{logs}` shows what happens, `codegrey service status` whether it runs")


def _linger(say: Say) -> None:
    """Have the user's services run without a login; say what to do where that is not allowed."""
    if shutil.which("loginctl") is None:
        return
    user = getpass.getuser()
    if run(["loginctl", "show-user", user, "--property=Linger"]).stdout.strip() == "Linger=yes":
        return
    if run(["loginctl", "enable-linger"]).returncode == 0:
        say("lingering is on for you now: it runs although you are not logged in")
    else:
        say(f"it runs only while you are logged in, until somebody with the right runs: loginctl enable-linger {user}")


def uninstall(manager: Manager, say: Say) -> None:
    """Stop it in good order and remove the unit; data, configuration and settings stay."""
    manager.require()
    if not manager.unit_file.exists():
        raise CodeGreyError(f"there is no {manager.unit_file}: nothing to uninstall")
    manager.call("disable", "--now", NAME)
    manager.unit_file.unlink()
    manager.call("daemon-reload")
    say(f"stopped and removed; {manager.environment_file} and all data stay")


def state(manager: Manager) -> dict[str, str]:
    """Return how it is doing, in systemd's words."""
    manager.require()
    wanted = "LoadState,UnitFileState,ActiveState,SubState,NRestarts,ActiveEnterTimestamp,MainPID,MemoryCurrent"
    lines = manager.call("show", NAME, f"--property={wanted}").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
