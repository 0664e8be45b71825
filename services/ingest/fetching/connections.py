"""Connections to publishers: opened to permitted addresses only, kept for a while, one request at a time.

h11 speaks HTTP/1.1 strictly; what stands here is the little around it. A general client's
pools, locks and models took twice the time of the request itself.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import h11
import httpx2
from ssrfguard import Policy

from services.ingest.fetching.addresses import look_up

CONNECT_WITHIN_S = 10.0
IDLE_S = 15.0
_READ = 64 * 1024
_MAX_HEAD = 100 * 1024
_MOST_INTERIM = 20
"""Answers "wait" before the real one."""
_CRUMBS = 20_000
_CRUMB = 32
"""Bytes: chunks that are smaller on average, once there are so many, only cost us time."""


class Unreachable(Exception):  # noqa: N818 - reads as the answer
    """Say that no answer could be had, and why."""


class Dropped(Unreachable):
    """Say that the other side closed the connection before it answered."""


@dataclass(frozen=True)
class Origin:
    """Where a connection leads, and through which proxy."""

    scheme: str
    host: str
    port: int
    proxy: str | None = None


@cache
def _tls() -> ssl.SSLContext:
    """Build the one TLS context: it is slow to make and the same for all."""
    return httpx2.create_ssl_context(trust_env=False)


class Opened:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self.idle_since = 0.0

    async def ask(self, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None = None) -> h11.Response:
        """Send a GET, or a POST where there is a body, and return the head of the answer."""
        request = h11.Request(method=b"GET" if body is None else b"POST", target=target, headers=headers)
        sent = self._http.send(request) or b""
        if body:
            sent += self._http.send(h11.Data(data=body)) or b""
        self._writer.write(sent + (self._http.send(h11.EndOfMessage()) or b""))
        for _ in range(_MOST_INTERIM):
            if isinstance(event := await self._next(), h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
        raise Unreachable("the server does not speak HTTP as a server should")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raises Unreachable where it ends early."""
        count = length = 0
        while isinstance(event := await self._next(), h11.Data):
            count += 1
            length += len(event.data)
            if count > _CRUMBS and length < count * _CRUMB:
                raise Unreachable("the server sends its answer in crumbs")
            yield bytes(event.data)

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(_READ)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise Dropped("the server closed the connection without an answer")
                self._http.receive_data(data)
        except (h11.RemoteProtocolError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        return event

    def rest(self) -> bool:
        """Make ready for another request; False where the connection is used up."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self.idle_since = time.monotonic()
        return not self.stale()

    def stale(self) -> bool:
        """Whether it was idle for too long, or the other side has closed it or sent what nobody asked for."""
        gone = self._reader.at_eof() or self._writer.is_closing() or bool(self._http.trailing_data[0])
        return gone or time.monotonic() - self.idle_since > IDLE_S

    def close(self) -> None:
        """Close at once, whatever is still under way."""
        self._writer.transport.abort()


class Connections:
    """Keep connections that can be used again; at most `limit` are in use at a time."""

    def __init__(self, policy: Policy, limit: int) -> None:
        self._policy = policy
        self._limit = limit
        self._slots = asyncio.Semaphore(limit)
        self._idle: dict[Origin, deque[Opened]] = {}
        self._resting = 0

    @asynccontextmanager
    async def ask(
        self, origin: Origin, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None = None
    ) -> AsyncIterator[tuple[h11.Response, Opened]]:
        """Send a GET, or a POST of `body`; the answer's head, and the connection that has its body, while inside.

        A POST may be sent twice, where a kept connection died: send only what may be repeated.
        """
        async with self._slots:
            connection = self._rested(origin)
            used_before = connection is not None
            connection = connection or await self._open(origin)
            try:
                try:
                    head = await connection.ask(target, headers, body)
                except Dropped:
                    # Kept connections die by themselves: one that never answered before is another matter.
                    if not used_before:
                        raise
                    connection.close()
                    connection = await self._open(origin)
                    head = await connection.ask(target, headers, body)
                yield head, connection
            except BaseException:
                connection.close()
                raise
            if self._resting < self._limit and connection.rest():
                self._idle.setdefault(origin, deque()).append(connection)
                self._resting += 1
            else:
                connection.close()

    async def aclose(self) -> None:
        """Close every connection that rests."""
        for resting in self._idle.values():
            for connection in resting:
                connection.close()
        self._idle.clear()
        self._resting = 0

    def _rested(self, origin: Origin) -> Opened | None:
        resting = self._idle.get(origin)
        while resting:
            connection = resting.pop()
            self._resting -= 1
            if not connection.stale():
                return connection
            connection.close()
        self._idle.pop(origin, None)
        if self._resting >= self._limit:
            self._forget()
        return None

    def _forget(self) -> None:
        """Close what is stale, else the connections of the origin that rested longest."""
        for origin in list(self._idle):
            fresh = deque(one for one in self._idle[origin] if not one.stale())
            self._drop(set(self._idle[origin]) - set(fresh))
            self._idle[origin] = fresh
            if not fresh:
                del self._idle[origin]
        if self._resting >= self._limit and self._idle:
            self._drop(set(self._idle.pop(next(iter(self._idle)))))

    def _drop(self, connections: set[Opened]) -> None:
        self._resting -= len(connections)
        for connection in connections:
            connection.close()

    async def _open(self, origin: Origin) -> Opened:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                if origin.proxy is not None:
                    return Opened(*await _through(origin))
                return Opened(*await self._direct(origin))
        except TimeoutError:
            raise Unreachable(f"time-out: no connection to {origin.host} within {CONNECT_WITHIN_S:g} s") from None

    async def _direct(self, origin: Origin) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        fault = "it has no address"
        for address in await look_up(origin.host, origin.port, self._policy):
            try:
                if origin.scheme == "https":
                    return await asyncio.open_connection(address, origin.port, ssl=_tls(), server_hostname=origin.host)
                return await asyncio.open_connection(address, origin.port)
            except OSError as error:  # TLS's errors are of this kind, too
                fault = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"cannot connect to {origin.host}: {fault}")


async def _through(origin: Origin) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect by way of a proxy, which a person configured: it looks the name up itself."""
    proxy = urlsplit(origin.proxy or "")
    secure = proxy.scheme == "https"
    try:
        reader, writer = await asyncio.open_connection(
            proxy.hostname, proxy.port or (443 if secure else 80), ssl=_tls() if secure else None
        )
        if origin.scheme == "https":
            host = f"[{origin.host}]" if ":" in origin.host else origin.host
            writer.write(f"CONNECT {host}:{origin.port} HTTP/1.1\r\nHost: {host}:{origin.port}\r\n\r\n".encode("ascii"))
            answer = await reader.readuntil(b"\r\n\r\n")
            if answer.split(b" ", 2)[1:2] != [b"200"]:
                writer.transport.abort()
                raise Unreachable(f"the proxy refuses: {answer.splitlines()[0][:100].decode('latin-1')}")
            await writer.start_tls(_tls(), server_hostname=origin.host)
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise Unreachable(f"cannot connect through the proxy: {error}") from error
    return reader, writer
