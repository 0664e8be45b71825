"""A real HTTP server on loopback whose answers a test writes down, and which remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

Respond = Callable[["Asked"], "Answer | Awaitable[None]"]


@dataclass(frozen=True)
class Asked:
    """One request, its header names in lower case."""

    path: str
    headers: Mapping[str, str]
    writer: asyncio.StreamWriter


@dataclass(frozen=True)
class Answer:
    """One answer, byte for byte as the test wants it."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/rss+xml"),)


@dataclass
class FeedServer:
    """Answers by path; a path may answer with a value or be computed from the request."""

    port: int = 0
    answers: dict[str, Answer | Respond] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Return the address of `path`."""
        return f"http://127.0.0.1:{self.port}{path}"

    def times(self, path: str) -> int:
        """Count the requests for `path`."""
        return sum(asked.path == path for asked in self.asked)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, request after request."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
                headers = {name.strip().lower(): value.strip() for name, value in pairs}
                asked = Asked(head[0].split(" ")[1], headers, writer)
                self.asked.append(asked)
                answer = self.answers.get(asked.path, Answer(status=404))
                if callable(answer):
                    computed = answer(asked)
                    if not isinstance(computed, Answer):
                        await computed
                        return
                    answer = computed
                lines = [f"HTTP/1.1 {answer.status} X", *(f"{n}: {v}" for n, v in answer.headers)]
                if answer.status != 304:
                    lines.append(f"Content-Length: {len(answer.body)}")
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + answer.body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def feed_server() -> AsyncIterator[FeedServer]:
    """Serve on a free port while inside."""
    serving = FeedServer()
    server = await asyncio.start_server(serving.handle, "127.0.0.1", 0)
    serving.port = server.sockets[0].getsockname()[1]
    try:
        yield serving
    finally:
        server.close()


def item(
    guid: str,
    title: str = "",
    summary: str = "",
    link: str | None = None,
    date: datetime | None = None,
) -> str:
    """Write one RSS item."""
    parts = [f"<guid isPermaLink='false'>{escape(guid)}</guid>", f"<title>{escape(title or guid)}</title>"]
    parts.append(f"<link>{escape(link or 'https://news.example/' + guid)}</link>")
    parts.append(f"<description>{escape(summary)}</description>" if summary else "")
    parts.append(f"<pubDate>{format_datetime(date)}</pubDate>" if date else "")
    return f"<item>{''.join(parts)}</item>"


def rss(*items: str, title: str = "Example News", extra: str = "") -> bytes:
    """Write an RSS document."""
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel>"
        f"<title>{title}</title><link>https://news.example/</link>{extra}{''.join(items)}</channel></rss>"
    ).encode()
