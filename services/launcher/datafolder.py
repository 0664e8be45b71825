"""The data folder: who may use it, which version wrote it, and that only one `codegrey up` uses it at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from services.launcher.processes.children import write_privately
from services.launcher.processes.guard import birth
from shared.errors import CodeGreyError, ConfigError

FORMAT = 1
OURS = {
    "demo", "kafka", "lock", "logs", "postgres", "postgres.json", "restoring", "run", "secrets", "version.json"
}  # fmt: skip


class FolderInUseError(CodeGreyError):
    """Tell that another `codegrey up` runs on this folder."""


@dataclass(frozen=True)
class Versions:
    """What wrote a data folder: the folder's format counts up when a step is needed to read it."""

    format: int
    program: str
    kafka: str
    postgres: str


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, for comparing."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def refuse_version(found: Versions | None, ours: Versions) -> str | None:
    """Return why this program must not touch a folder that was written by `found`, or None."""
    if found is None:
        return None
    if found.format > ours.format or numbers(found.kafka) > numbers(ours.kafka):
        return (
            f"it was written by a newer Code Grey ({found.program}: format {found.format}, Kafka {found.kafka}); "
            f"this is {ours.program} (format {ours.format}, Kafka {ours.kafka}). Update, or use another folder"
        )
    if found.format < ours.format:
        return (
            f"it was written by an older Code Grey ({found.program}, folder format {found.format}), and this one "
            f"({ours.program}, format {ours.format}) has no step from there. Use {found.program}, or another folder"
        )
    if numbers(found.postgres)[:1] > numbers(ours.postgres)[:1]:
        return f"its database was written by a newer PostgreSQL ({found.postgres}; this is {ours.postgres}). Update"
    if numbers(found.postgres)[:1] != numbers(ours.postgres)[:1]:
        return (
            f"its database was written by PostgreSQL {found.postgres}, and this is {ours.postgres}: another major "
            "version cannot read it. `codegrey upgrade-data --help` says how it is brought along"
        )
    return None


class DataFolder:
    """One data folder of ours, private to its owner."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def endpoints(self) -> Path:
        """The file that tells other commands how to reach the running servers."""
        return self.path / "run" / "endpoints.json"

    @property
    def restoring(self) -> Path:
        """The file that stands while a backup is being restored: what is here then is half of something."""
        return self.path / "restoring"

    @property
    def low_disk(self) -> Path:
        """The file that stands while taking in is paused for want of space."""
        return self.path / "run" / "low-disk"

    def prepare(self) -> None:
        """Make the folder, or refuse one that is not ours; open it to nobody else."""
        missing = [self.path, *self.path.parents]
        for folder in reversed([one for one in missing if not one.exists()]):
            folder.mkdir(mode=0o700)
        found = self.path.stat()
        if found.st_uid != os.geteuid():
            raise ConfigError(f"data folder {self.path} belongs to another user: use one of your own (--data)")
        names = {entry.name for entry in self.path.iterdir()}
        if names and "version.json" not in names and not names <= OURS:
            raise ConfigError(f"{self.path} is not empty and no data folder of Code Grey: name another one (--data)")
        if stat.S_IMODE(found.st_mode) & 0o077:
            self.path.chmod(0o700)
        (self.path / "run").mkdir(mode=0o700, exist_ok=True)

    def held(self) -> bool:
        """Tell whether a `codegrey up` holds the folder now."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def refuse_if_held(self) -> None:
        """Raise FolderInUseError where a `codegrey up` holds the folder, naming its process."""
        if self.held():
            pid, _ = self.holder() or (None, "")
            raise FolderInUseError(
                f"`codegrey up` runs on {self.path} already (process {pid}); `codegrey down` stops it, "
                "`codegrey status` shows it, --data names another folder"
            )

    def lock(self) -> None:
        """Hold the folder until this process ends; raise FolderInUseError where another one holds it."""
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            self.refuse_if_held()
            raise FolderInUseError(f"{self.path} was in use a moment ago: try again") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps({"pid": os.getpid(), "birth": birth(os.getpid())}).encode(), 0)

    def holder(self) -> tuple[int, str] | None:
        """Return the process id and birth of whoever wrote the lock last."""
        try:
            raw = json.loads((self.path / "lock").read_text("utf-8"))
            return int(raw["pid"]), str(raw["birth"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def unlock(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def check_version(self, ours: Versions) -> None:
        """Refuse what another version wrote and this one cannot read; note who wrote last."""
        if self.restoring.exists():
            raise ConfigError(f"{self.path} holds half of a backup: run `codegrey restore` again, it begins anew")
        found = self.found_version()
        if reason := refuse_version(found, ours):
            raise ConfigError(f"data folder {self.path} is not used: {reason} (--data)")
        if found != ours:
            self.note_version(ours)

    def found_version(self) -> Versions | None:
        """Return what wrote the folder last."""
        path = self.path / "version.json"
        if not path.exists():
            return None
        try:
            return Versions(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{path} cannot be read ({error}): put it back from a backup") from error

    def note_version(self, ours: Versions) -> None:
        """Note who wrote the folder."""
        write_privately(self.path / "version.json", json.dumps(asdict(ours), indent=1) + "\n")

    def kafka_password(self) -> str:
        """Return the password of the private Kafka, made on first use."""
        path = self.path / "secrets" / "kafka-password"
        with suppress(FileNotFoundError):
            return path.read_text("ascii").strip()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_privately(path, secrets.token_urlsafe(32) + "\n")
        return path.read_text("ascii").strip()
