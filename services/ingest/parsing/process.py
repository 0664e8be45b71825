"""Start parser processes, speak with them, and end them: each is a fork of one that has its libraries loaded."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from services.ingest.parsing.frames import NUMBER, pack

_ROOT = Path(__file__).resolve().parents[3]
_START_WITHIN_S = 60.0
_END_WITHIN_S = 2.0
_READ = 1024**2
_LARGEST = 256 * 1024**2
"""Bytes of an answer: whoever took a parser over must not fill our memory by it."""


class ParserProcess:
    """One parser."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stem: Stem) -> None:
        self.pid = pid
        self.done = 0
        self._reader = reader
        self._writer = writer
        self._stem = stem

    async def parse(self, body: bytes, header: bytes) -> bytes:
        """Return the answer to one document; raises OSError or IncompleteReadError where the parser dies of it."""
        self._writer.write(pack(header) + pack(body))
        await self._writer.drain()
        (length,) = struct.unpack(">I", await self._reader.readexactly(4))
        if length > _LARGEST:
            raise ConnectionError("an answer that no document has")
        answer = await self._reader.readexactly(length)
        self.done += 1
        return answer

    def end(self) -> None:
        """Kill it, whatever it is at."""
        self._writer.transport.abort()
        # It has its number until its stem buries it; without the stem, the number may be a stranger's, and the
        # closed socket or the parser's own patience must do.
        if self._stem.lives:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._stem.bury(self.pid)


class Stem:
    """The process that parsers are forked from."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, *, languages: bool, gate: bool = False) -> Stem:
        """Start it; with `languages` and `gate` it loads their tables before the first parser is forked."""
        # Nothing of our environment but what Python needs: no secret reaches the parser.
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        control, theirs = socket.socketpair()
        control.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.ingest.parsing.stem",
                *(["--languages"] if languages else []),
                *(["--gate"] if gate else []),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                # One small product at a time: threads for it cost more than they bring, and do not survive a fork.
                env=environment | {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        return cls(process, control)

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None and self._control.fileno() >= 0

    async def fork(self) -> ParserProcess:
        """Return a new parser; raises OSError where there is none."""
        async with self._one_at_a_time:
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    socket.send_fds(self._control, [NUMBER.pack(0)], [theirs.fileno()])
                async with asyncio.timeout(_START_WITHIN_S):
                    answer = await asyncio.get_running_loop().sock_recv(self._control, NUMBER.size)
                if len(answer) < NUMBER.size:
                    raise ConnectionError("no parser can be started")
                ours.setblocking(False)
                reader, writer = await asyncio.open_connection(sock=ours, limit=_READ)
            except BaseException:
                ours.close()
                # The answer may still come, and would be taken for that to the next question.
                await self.end()
                raise
        return ParserProcess(NUMBER.unpack(answer)[0], reader, writer, self)

    def bury(self, pid: int) -> None:
        """Let go of the number of a parser that was killed."""
        try:
            self._control.send(NUMBER.pack(pid))
        except OSError:
            return  # it is gone, and its children with it

    async def end(self) -> None:
        """End it; parsers that still run end when their sockets are closed."""
        self._control.close()
        # Cancellation must not leave a zombie.
        await asyncio.shield(self._gone())

    async def _gone(self) -> None:
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
