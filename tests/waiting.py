"""Wait for a condition instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def wait_until(
    condition: Callable[[], T | Awaitable[T]], *, within: float = 20.0, every: float = 0.05, what: str = ""
) -> T:
    """Return the first truthy value of `condition`; raise AssertionError after `within` seconds."""
    until = time.monotonic() + within
    while True:
        value = condition()
        result: T = await value if inspect.isawaitable(value) else value
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"waited {within} s in vain{': ' + what if what else ''}")
        await asyncio.sleep(every)
