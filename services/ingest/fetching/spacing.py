"""Leave a host alone between two requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SPACING_S = 1.0
_FORGET_ABOVE = 5_000


@dataclass
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0


class HostSpacing:
    """Let one request at a time to each host, `spacing_s` after the one before."""

    def __init__(self, spacing_s: float = SPACING_S) -> None:
        self._spacing_s = spacing_s
        self.services: tuple[str, ...] = ()
        """Services of many host names, such as example.com, that count as one host."""
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for this host's turn; an empty name waits for nothing."""
        if not host:
            yield
            return
        self._forget()
        host = next((one for one in self.services if host == one or host.endswith(f".{one}")), host)
        state = self._hosts.setdefault(host, _Host())
        async with state.lock:
            await asyncio.sleep(max(0.0, state.free_at - time.monotonic()))
            try:
                yield
            finally:
                state.free_at = time.monotonic() + self._spacing_s

    def _forget(self) -> None:
        if len(self._hosts) > _FORGET_ABOVE:
            now = time.monotonic()
            for host in [h for h, s in self._hosts.items() if s.free_at < now and not s.lock.locked()]:
                del self._hosts[host]
