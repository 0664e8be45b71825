"""A few parser processes that can be killed: the service's own loop never waits on a document."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.ingest.frames import load, pack
from services.ingest.parsed import Article, ParsedFeed

PARSE_WITHIN_S = 20.0
_RENEW_AFTER = 2_000
"""Documents after which a parser is replaced, so that no leak grows for ever."""
_ROOT = Path(__file__).resolve().parents[2]


class _Worker:
    """One parser process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.done = 0

    @classmethod
    async def start(cls) -> _Worker:
        # Nothing of our environment but what Python needs: no secret reaches the parser.
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ingest.parse_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment | {"PYTHONPATH": str(_ROOT)},
        )
        return cls(process)

    async def parse(self, body: bytes, header: bytes) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(pack(header) + pack(body))
        await stdin.drain()
        (length,) = struct.unpack(">I", await stdout.readexactly(4))
        answer = await stdout.readexactly(length)
        self.done += 1
        return answer

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        # Cancellation must not leave a zombie: the kill is sure, so the wait is short.
        await asyncio.shield(self._process.wait())


class Parsers:
    """Parse documents in up to `size` processes, which start when they are first needed."""

    def __init__(self, size: int | None = None, within_s: float = PARSE_WITHIN_S) -> None:
        self._size = size or min(2, os.cpu_count() or 1)
        self._slots = asyncio.Semaphore(self._size)
        self._idle: list[_Worker] = []
        self._within_s = within_s
        self.killed = 0

    async def prepare(self) -> None:
        """Start the parsers before the first document comes, once: they need a moment to load their libraries."""

        async def one() -> None:
            async with self._slots:
                if len(self._idle) < self._size:
                    self._idle.append(await _Worker.start())

        await asyncio.gather(*(one() for _ in range(self._size)))

    async def parse(
        self, body: bytes, *, url: str, content_type: str = "", how: Mapping[str, Any] | None = None
    ) -> ParsedFeed:
        """Parse one document; a parser that is too slow or dies is replaced, and told of in `error`."""
        header = {"url": url, "content_type": content_type} | ({"how": dict(how)} if how else {})
        answer = await self._ask(header, body)
        return ParsedFeed(error=answer) if isinstance(answer, str) else load(answer)

    async def article(self, body: bytes, *, url: str, content_type: str = "") -> Article:
        """Find the article on a page, within the same limits."""
        answer = await self._ask({"task": "article", "url": url, "content_type": content_type}, body)
        return Article(error=answer) if isinstance(answer, str) else Article(**json.loads(answer))

    async def _ask(self, header: dict[str, Any], body: bytes) -> bytes | str:
        """Return the answer, or in words why there is none."""
        head = json.dumps(header).encode()
        async with self._slots:
            worker = self._idle.pop() if self._idle else await _Worker.start()
            sound = False
            try:
                async with asyncio.timeout(self._within_s):
                    answer = await worker.parse(body, head)
                sound = worker.done < _RENEW_AFTER
            except TimeoutError:
                self.killed += 1
                return f"parsing took longer than {self._within_s:g} s and was ended"
            except (asyncio.IncompleteReadError, ConnectionError, OSError):
                return "the parser died of this document (memory, or a fault in it)"
            finally:
                if sound:
                    self._idle.append(worker)
                else:
                    await worker.end()
        return answer

    async def close(self) -> None:
        """End every parser."""
        while self._idle:
            await self._idle.pop().end()


@asynccontextmanager
async def parsers(size: int | None = None) -> AsyncIterator[Parsers]:
    """Keep parsers while inside."""
    pool = Parsers(size)
    try:
        yield pool
    finally:
        await pool.close()
