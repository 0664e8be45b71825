"""What root keeps for data folders outside them, and how what nobody can reach any more is cleared away."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from services.launcher.processes.children import write_privately
from services.launcher.processes.guard import birth


def note(home: Path) -> Path:
    """Return the file, root's own, that says which data folder a home belongs to."""
    return home.with_name(f"{home.name}.json")


def note_owner(home: Path, data: Path) -> None:
    """Note whose home it is."""
    if not note(home).exists():
        write_privately(note(home), json.dumps({"data": str(data)}) + "\n")


def remove_home(home: Path) -> None:
    """Delete a home and its note."""
    shutil.rmtree(home, ignore_errors=True)
    note(home).unlink(missing_ok=True)


def clear_abandoned(shared: Path) -> list[Path]:
    """Delete the homes of data folders that stood among the temporary files and are gone; return them.

    Only those: any other folder that is not there may stand on a disk that is not mounted now.
    """
    temporary = [Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve()]  # noqa: S108
    cleared = []
    for file in shared.glob("*.json"):
        home = file.with_suffix("")
        try:
            data = Path(json.loads(file.read_text("utf-8"))["data"])
        except (OSError, ValueError, KeyError):
            continue
        if data.exists() or not any(folder in data.parents for folder in temporary) or serves(home):
            continue
        remove_home(home)
        cleared.append(home)
    return cleared


def serves(home: Path) -> bool:
    """Tell whether the process that the cluster's lock file names exists, whoever it is: then leave it alone."""
    try:
        pid = int((home / "cluster" / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return False
    return pid == os.getpid() or birth(pid) is not None
