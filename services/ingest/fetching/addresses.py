"""Refuse private addresses at the moment of connecting, and connect to the address that was checked.

A check of the name before the request would be worthless: its owner may answer the second
look-up otherwise (DNS rebinding), or redirect. So the check stands where connections are
opened: one look-up, every answer classified (ssrfguard's table knows the translation prefixes
that Python's `is_global` passes), and the connection goes to that very address. TLS still
verifies the name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

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


async def look_up(host: str, port: int, policy: Policy) -> list[str]:
    """Look `host` up once, check every answer, and return the permitted ones: connect to these alone.

    Raises ssrfguard's refusal where none is permitted, OSError where there is no such name.
    """
    try:
        literal = ip_address(host.strip("[]"))
    except ValueError:
        literal = None
    target = Target("http", host.strip("[]"), port, host, literal)
    if literal is not None:
        addresses = resolve(target, policy=policy)
    else:
        try:
            addresses = await asyncio.get_running_loop().run_in_executor(
                _LOOKUPS, lambda: resolve(target, policy=policy)
            )
        except OSError as error:
            raise OSError(f"the name {host} cannot be looked up: {error.strerror}") from error
    return [str(address.sockaddr[0]) for address in addresses[: policy.max_connection_attempts]]
