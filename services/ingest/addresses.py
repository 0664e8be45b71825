"""Refuse private addresses at the moment of connecting, and connect to the address that was checked.

A check of the name before the request would be worthless: its owner may answer the second
look-up otherwise (DNS rebinding), or redirect. So the check stands in the network backend:
one look-up, every answer classified (ssrfguard's table knows the translation prefixes that
Python's `is_global` passes), and the connection goes to that very address. TLS still
verifies the name, since httpcore passes it on itself.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore2
import httpx2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream
from ssrfguard import Policy, Target, resolve

from shared.errors import ConfigError

Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS: tuple[Network, ...] = (
    ip_network("127.0.0.0/8"),
    ip_network("10.0.0.0/8"),
    ip_network("172.16.0.0/12"),
    ip_network("192.168.0.0/16"),
    ip_network("100.64.0.0/10"),
    ip_network("::1/128"),
    ip_network("fc00::/7"),
)
"""What `allow_private` opens: never link-local, where clouds keep their metadata."""
_ALL_PORTS = frozenset(range(1, 65536))
_LOOKUPS = ThreadPoolExecutor(8, thread_name_prefix="lookup")
"""A look-up cannot be cancelled: held ones must not use up the loop's own threads."""


def parse_networks(setting: str) -> tuple[Network, ...]:
    """Read CODEGREY_PRIVATE_FEEDS; raises ConfigError that names the network that is none."""
    networks = []
    for part in setting.split(","):
        if not part.strip():
            continue
        try:
            networks.append(ip_network(part.strip(), strict=False))
        except ValueError:
            raise ConfigError(
                f"CODEGREY_PRIVATE_FEEDS: {part.strip()!r} is no network (write for example 10.1.0.0/16)"
            ) from None
    return tuple(networks)


def make_policy(networks: Iterable[Network] = (), *, allow_private: bool = False) -> Policy:
    """Build the policy: public addresses only, but for `networks` and what `allow_private` opens."""
    try:
        return Policy(
            allowed_networks=(*networks, *(PRIVATE_NETWORKS if allow_private else ())),
            allowed_ports=_ALL_PORTS,
            # We connect to none but the permitted answers, so a denied one beside them is harmless.
            on_partial_block="drop",
            max_connection_attempts=3,
        )
    except ValueError as error:
        raise ConfigError(f"CODEGREY_PRIVATE_FEEDS: {error}") from None


class GuardedBackend(AsyncNetworkBackend):
    """Open connections to permitted addresses only."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Look `host` up once, check every answer, and connect to the first that can be reached."""
        try:
            literal = ip_address(host.strip("[]"))
        except ValueError:
            literal = None
        target = Target("http", host.strip("[]"), port, host, literal)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                addresses = await loop.run_in_executor(_LOOKUPS, lambda: resolve(target, policy=self._policy))
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"the name {host} was not looked up in time") from None
        except OSError as error:
            raise httpcore2.ConnectError(f"the name {host} cannot be looked up: {error.strerror}") from error
        fault: Exception | None = None
        for address in addresses[: self._policy.max_connection_attempts]:
            try:
                inner = await self._inner.connect_tcp(
                    str(address.sockaddr[0]), port, timeout, local_address, socket_options
                )
                return _Stream(inner)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                fault = error
        assert fault is not None
        raise fault

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Refuse: no feed lives on a socket of this machine."""
        raise httpcore2.ConnectError("unix sockets are not feeds")

    async def sleep(self, seconds: float) -> None:
        """Sleep, as the pool does between retries."""
        await asyncio.sleep(seconds)


@cache
def _tls() -> ssl.SSLContext:
    """Build the one TLS context: it is slow to make and the same for all."""
    return httpx2.create_ssl_context(trust_env=False)


class _Stream(AsyncNetworkStream):
    """A connection whose idleness can be asked for cheaply: the pool asks before every request."""

    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of `buffer`."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        """Speak TLS from here on."""
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Answer about the socket; an idle one that can be read was closed by the other side."""
        if info != "is_readable" or self._socket is None:
            return self._inner.get_extra_info(info)
        if self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))


def guarded_pool(policy: Policy, connections: int) -> httpcore2.AsyncConnectionPool:
    """Open a pool of connections that lead to permitted addresses only."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=_tls(),
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=15.0,
        network_backend=GuardedBackend(policy),
    )


def proxied_pool(proxy: str, connections: int) -> httpcore2.AsyncConnectionPool:
    """Open a pool that asks `proxy`, whose address a person configured; names are looked up by the proxy."""
    return httpcore2.AsyncHTTPProxy(
        proxy,
        ssl_context=_tls(),
        proxy_ssl_context=_tls() if proxy.startswith("https:") else None,
        max_connections=connections,
        keepalive_expiry=15.0,
    )
