"""What free space means: refuse to start, pause taking in, or go on. Kafka on a full disk ends and stays down."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

REFUSE_BYTES = 300_000_000
PAUSE_BYTES = 1_000_000_000
RESUME_BYTES = 1_250_000_000

FreeSpace = Callable[[Path], int]
Change = Literal["pause", "resume"]


def free_space(folder: Path) -> int:
    """Return the bytes that we may still write where the folder stands."""
    return shutil.disk_usage(folder).free


def shown(count: int) -> str:
    """Return a number of bytes as people write it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def refuse_to_start(free: int, folder: Path) -> str | None:
    """Return why a start would do harm, or None."""
    if free >= REFUSE_BYTES:
        return None
    return (
        f"only {shown(free)} free on the disk of {folder}, and Kafka ends for good on a full disk: "
        f"make room for {shown(REFUSE_BYTES)} at least"
    )


def change(free: int, *, paused: bool) -> Change | None:
    """Return what to change about taking in news; room for both limits, so that it does not flutter."""
    if not paused and free < PAUSE_BYTES:
        return "pause"
    if paused and free >= RESUME_BYTES:
        return "resume"
    return None
