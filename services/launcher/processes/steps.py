"""Commands of ours that run once, to their end, on the way up; and what an earlier run left behind."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress

from services.launcher.plan import ROOT, WRONG_USE, Step
from services.launcher.processes.children import ProcessTable
from services.launcher.processes.guard import Ward, end
from shared.errors import CodeGreyError, ConfigError


async def run_once(step: Step, environment: Mapping[str, str]) -> None:
    """Run a command to its end; raise with its last words if it fails."""
    process = await asyncio.create_subprocess_exec(
        *step.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        words = " | ".join(said.decode("utf-8", "replace").strip().splitlines()[-5:])
        error = ConfigError if process.returncode == WRONG_USE else CodeGreyError
        raise error(f"{' '.join(step.command[-2:])}: {words}")


def end_leftovers(table: ProcessTable) -> list[str]:
    """End every recorded process of an earlier run that still runs; return their names."""
    records = list(table.read().values())
    alive = [record for record in records if record.alive()]
    stop = {"postgres": signal.SIGINT}
    end([Ward(one.pid, one.birth, int(stop.get(one.name, signal.SIGTERM)), 5.0) for one in alive])
    for record in records:
        table.drop(record.name, record.pid)
    return [record.name for record in alive]
