"""Make a PostgreSQL cluster, write its settings, and end what a killed postmaster left running on it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

import psutil

from services.launcher.postgres.account import SOCKET_NAME, Place, PostgresError
from services.launcher.processes.children import command_as
from services.launcher.processes.guard import Ward, birth, end

# Nothing of the user's environment reaches PostgreSQL: PGDATA, PGPORT and their like would change what runs.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "wal_level": "minimal",  # no replicas, no archive: less to write
    "max_wal_senders": "0",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "io_method": "sync",  # the workers would be three more processes for a small database
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %q%u@%d '",
    # A client that vanished is noticed while its query still runs.
    "client_connection_check_interval": "'5s'",
}


def server_command(place: Place) -> list[str]:
    """Return the server's command line."""
    settings = f"config_file={place.cluster / 'codegrey.conf'}"
    return [str(place.binaries / "postgres"), "-D", str(place.cluster), "-c", settings]


def owner_line(name: str, role: str) -> str:
    """Return a line of the user map, the name quoted."""
    quoted = name.replace('"', '""')
    return f'owner "{quoted}" {role}'


def write_settings(place: Place, users: list[str]) -> None:
    """Write who may connect as whom, and our settings, which stand in place of `postgresql.conf`."""
    socket = str(place.socket).replace("'", "''")
    files = {
        "codegrey.conf": [*(f"{k} = {v}" for k, v in SETTINGS.items()), f"unix_socket_directories = '{socket}'"],
        "pg_hba.conf": ["local all all peer map=owner"],
        "pg_ident.conf": [owner_line(user, role) for user in users for role in ("postgres", "codegrey")],
    }
    for name, lines in files.items():
        write_as(place, name, "\n".join(lines) + "\n")


def write_as(place: Place, name: str, text: str) -> None:
    """Replace a file of the cluster, owned by the account."""
    partial = place.cluster / f".{name}.part"
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if place.account:
            os.fchown(file.fileno(), place.account.uid, place.account.gid)
    os.replace(partial, place.cluster / name)


async def make_cluster(place: Place) -> None:
    """Make the cluster once: beside its place, then moved there, so that half a one is never used."""
    if place.cluster.exists():
        return
    partial = place.home / "cluster.part"
    await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    program = [str(place.binaries / "initdb"), "-D", str(partial), "-U", "postgres", "--data-checksums", *locale]
    process = await asyncio.create_subprocess_exec(
        *command_as(place.account, [*program, "--auth=peer", "--no-instructions"]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd=place.home,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise PostgresError(f"PostgreSQL's cluster could not be made: {said.decode('utf-8', 'replace')[-2000:]}")
    os.replace(partial, place.cluster)


def on_cluster(place: Place) -> list[psutil.Process]:
    """Return PostgreSQL's processes on this cluster: each works in the cluster's own folder, which proves it ours."""
    found = []
    for process in psutil.process_iter(["name"]):
        if not (process.info["name"] or "").startswith("postgres"):
            continue
        try:
            if Path(process.cwd()) == place.cluster.resolve():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_strays(place: Place) -> int:
    """End every PostgreSQL process still on this cluster, and remove lock files that name none of them.

    After a kill -9 of the postmaster busy backends work on for many seconds and hold its shared memory; each is in a
    session of its own. Call it only while no server of ours runs here. Returns how many there were.
    """
    strays = on_cluster(place)
    wards = [Ward(p.pid, born, int(signal.SIGQUIT), 2.0) for p in strays if (born := birth(p.pid))]
    end(wards)
    until = time.monotonic() + 5
    while on_cluster(place) and time.monotonic() < until:
        time.sleep(0.05)
    if not on_cluster(place):
        # PostgreSQL would refuse to start while a process of that number exists: a zombie, or somebody else's by now.
        for lock in (place.cluster / "postmaster.pid", place.socket / f"{SOCKET_NAME}.lock"):
            lock.unlink(missing_ok=True)
    return len(wards)
