"""A service's log file, rotated by size, and the pipe that fills it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

LIMIT_BYTES = 10_000_000
KEPT = 3
LONGEST_LINE = 1_000_000


class ServiceLog:
    """Append lines to a file; past the limit it becomes `.1`, the older ones move up, the oldest goes."""

    def __init__(self, path: Path, limit: int = LIMIT_BYTES) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._limit = limit
        self._file = self._open()

    def write(self, line: bytes) -> None:
        """Append one line; a full disk loses log lines, not the service."""
        try:
            self._file.write(line + b"\n")
            self._file.flush()
            if self._file.tell() > self._limit:
                self._rotate()
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> IO[bytes]:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "ab", buffering=0)

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                os.replace(newer, older)
        fresh = self._open()
        self._file.close()
        self._file = fresh


def rotate_in_place(path: Path, limit: int = LIMIT_BYTES) -> bool:
    """Move a log's content up while another program goes on appending to the very file; tell whether it was due.

    For programs that keep their log open (PostgreSQL's processes). A line that they write between the copy and the
    cut is lost; that they append (O_APPEND) is what makes the cut safe.
    """
    try:
        if path.stat().st_size <= limit:
            return False
        for number in range(KEPT, 1, -1):
            newer = path.with_name(f"{path.name}.{number - 1}")
            if newer.exists():
                os.replace(newer, path.with_name(f"{path.name}.{number}"))
        copy = path.with_name(f"{path.name}.1")
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        os.truncate(path, 0)
    except OSError:  # a full disk, say: another time
        return False
    return True


async def follow(pipe: IO[bytes], each: Callable[[bytes], None]) -> None:
    """Hand over each line that comes through a pipe until it closes; an endless line is cut."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    rest = b""
    try:
        while chunk := await reader.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                each(line)
            if len(rest) > LONGEST_LINE:
                each(rest)
                rest = b""
        if rest:
            each(rest)
    finally:
        transport.close()
