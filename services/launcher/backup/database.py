"""The database in a backup: our three schemas, by PostgreSQL's own tools, which come with the private server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import make_url

from services.launcher.postgres.account import packaged_binaries
from services.launcher.postgres.cluster import ENVIRONMENT
from shared.database import SCHEMAS
from shared.errors import CodeGreyError

_SSL = {"ssl": "PGSSLMODE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}


def tool_environment(url: str) -> dict[str, str]:
    """Return what PostgreSQL's tools need to reach the database; a password never stands in a command line."""
    address = make_url(url)
    query = {name: value if isinstance(value, str) else value[0] for name, value in address.query.items()}
    found = {
        "PGHOST": query.get("host") or address.host or "localhost",
        "PGPORT": query.get("port") or str(address.port or 5432),
        "PGUSER": address.username or "",
        "PGPASSWORD": str(address.password or ""),
        "PGDATABASE": address.database or "",
        **{_SSL[name]: value for name, value in query.items() if name in _SSL},
    }
    home = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
    return {**ENVIRONMENT, **home, **{name: value for name, value in found.items() if value}}


async def dump_database(url: str, into: Path, *, snapshot: str | None = None) -> None:
    """Write our schemas, as an exported snapshot shows them, into a file."""
    schemas = [f"--schema={name}" for name in SCHEMAS]
    seen = [f"--snapshot={snapshot}"] if snapshot else []
    options = ["--format=custom", "--compress=5", "--no-owner", "--no-privileges", *schemas, *seen]
    await run_tool(["pg_dump", "--no-password", *options, f"--file={into}"], tool_environment(url))


async def load_database(url: str, dump: Path) -> None:
    """Load a dump into a database that has none of our schemas: all of it, or nothing."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    environment = tool_environment(url)
    command = ["pg_restore", "--no-password", *options, f"--dbname={environment['PGDATABASE']}", str(dump)]
    await run_tool(command, environment)


async def run_tool(command: Sequence[str], environment: dict[str, str], binaries: Path | None = None) -> None:
    """Run one of PostgreSQL's tools; raise with its last words where it fails."""
    name, *arguments = command
    process = await asyncio.create_subprocess_exec(
        str((binaries or packaged_binaries()) / name),
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        words = " | ".join(said.decode("utf-8", "replace").strip().splitlines()[-3:])
        raise CodeGreyError(f"{name} failed: {words}")
