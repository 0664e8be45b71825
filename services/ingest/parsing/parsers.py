"""A few parser processes that can be killed: the service's own loop never waits on a document."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from services.ingest.parsing.frames import load
from services.ingest.parsing.parsed import Article, ParsedFeed
from services.ingest.parsing.process import ParserProcess, Stem

PARSE_WITHIN_S = 20.0
_RENEW_AFTER = 2_000
"""Documents after which a parser is replaced, so that no leak grows for ever."""


class Parsers:
    """Parse documents in up to `size` processes, which start when they are first needed."""

    def __init__(
        self,
        size: int | None = None,
        within_s: float = PARSE_WITHIN_S,
        *,
        languages: bool = False,
        gate: bool = False,
    ) -> None:
        """Prepare; `languages`: many documents will come, so the table of languages is loaded at once, for all.

        `gate`: say of each entry whether its words pass the gate.
        """
        self.gate = gate
        self._size = size or min(2, os.cpu_count() or 1)
        self._slots = asyncio.Semaphore(self._size)
        self._idle: list[ParserProcess] = []
        self._languages = languages
        self._stem: Stem | None = None
        self._starting = asyncio.Lock()
        self._within_s = within_s
        self.killed = 0

    async def prepare(self) -> None:
        """Start the parsers before the first document comes, once: they need a moment to load their libraries."""

        async def one() -> None:
            async with self._slots:
                if len(self._idle) < self._size:
                    self._idle.append(await self._start())

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
            worker = self._idle.pop() if self._idle else await self._start()
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
                    worker.end()
        return answer

    async def _start(self) -> ParserProcess:
        async with self._starting:
            if self._stem is None or not self._stem.lives:
                if self._stem is not None:
                    await self._stem.end()
                self._stem = await Stem.start(languages=self._languages, gate=self.gate)
        return await self._stem.fork()

    async def close(self) -> None:
        """End every parser."""
        while self._idle:
            self._idle.pop().end()
        if self._stem is not None:
            await self._stem.end()
            self._stem = None


@asynccontextmanager
async def parsers(size: int | None = None) -> AsyncIterator[Parsers]:
    """Keep parsers while inside."""
    pool = Parsers(size)
    try:
        yield pool
    finally:
        await pool.close()
