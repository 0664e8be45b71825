"""The publisher of `make bench-ingest`: thousands of feeds with validators, on loopback, as slow as it is told to be.

`/control?delay=SECONDS&edition=N` sets how it answers; in each further edition one feed in twenty has a new entry.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from urllib.parse import parse_qsl, urlsplit

WORDS = (
    "council harbour festival bridge season market minister weather school museum railway orchestra "
    "budget valley library election football garden winter theatre village mayor river summer station"
).split()
BEGAN = datetime.now(UTC).replace(microsecond=0)
ENTRY_BYTES = 1_600


def kilobytes(number: int) -> int:
    """Size feed `number`: a tenth is large, three tenths are middling."""
    return 150 if number % 10 == 0 else 40 if number % 10 < 4 else 10


def changed(number: int, edition: int) -> int:
    """Return the newest edition in which the feed changed."""
    return edition if number % 20 == 0 else 1


def _words(seed: int, count: int) -> str:
    return " ".join(WORDS[(seed * 7 + place * place) % len(WORDS)] for place in range(count))


def _entry(feed: int, entry: int, atom: bool) -> str:
    when = BEGAN - timedelta(minutes=7 * max(entry, 0) + feed % 60)
    title, text = f"{_words(feed + entry, 8)} {feed} {entry}", _words(feed * 31 + entry, 200)
    link = f"https://bench.invalid/{feed}/{entry}"
    if atom:
        return (
            f"<entry><id>urn:bench:{feed}:{entry}</id><title>{title}</title><link href='{link}'/>"
            f"<updated>{when.isoformat()}</updated><summary type='html'>&lt;p&gt;{text}&lt;/p&gt;</summary></entry>"
        )
    return (
        f"<item><guid isPermaLink='false'>bench:{feed}:{entry}</guid><title>{title}</title><link>{link}</link>"
        f"<pubDate>{format_datetime(when)}</pubDate><description>&lt;p&gt;{text}&lt;/p&gt;</description></item>"
    )


@cache
def body(number: int, edition: int) -> bytes:
    """Write the feed as it stands in this edition, newest entry first."""
    atom = number % 2 == 0
    count = max(3, kilobytes(number) * 1000 // ENTRY_BYTES)
    entries = "".join(_entry(number, entry, atom) for entry in range(-(edition - 1), count))
    if atom:
        return (
            "<?xml version='1.0' encoding='utf-8'?><feed xmlns='http://www.w3.org/2005/Atom' xml:lang='en'>"
            f"<title>Feed {number}</title><id>urn:bench:{number}</id><updated>{BEGAN.isoformat()}</updated>"
            f"{entries}</feed>"
        ).encode()
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>Feed {number}</title>"
        f"<link>https://bench.invalid/{number}</link><description>d</description><language>en</language>"
        f"{entries}</channel></rss>"
    ).encode()


class Publisher:
    """Answer one request after the other on each connection."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.edition = 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1].decode()
                if target.startswith("/control"):
                    given = dict(parse_qsl(urlsplit(target).query))
                    self.delay = float(given.get("delay", self.delay))
                    self.edition = int(given.get("edition", self.edition))
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    continue
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(self._answer(target, head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, target: str, head: bytes) -> bytes:
        if not target.endswith(".xml"):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        number = int(target[1:-4])
        edition = changed(number, self.edition)
        etag = f'"{number}-{edition}"'
        if f"if-none-match: {etag}".encode() in head.lower():
            return f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode()
        content = body(number, edition)
        kind = "application/atom+xml" if number % 2 == 0 else "application/rss+xml"
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nETag: {etag}\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode() + content


async def main(feeds: int) -> None:
    """Write every feed once, then serve until killed; the port is printed when it can be asked."""
    for number in range(feeds):
        body(number, 1)
    server = await asyncio.start_server(Publisher().serve, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
