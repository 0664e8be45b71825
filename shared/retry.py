"""Try again, in place and for a while, what failed by a fault that may pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import Transient
from shared.log import get_logger

T = TypeVar("T")
log = get_logger()

RETRY_FOR_S = 60.0
"""Less than the poll interval (300 s), so that a retry never costs the partition."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


async def retried(work: Callable[[], Awaitable[T]], group: str) -> T:
    """Do `work` and return what it returns, trying again on transient faults with growing pauses for `RETRY_FOR_S`."""
    until, pause = time.monotonic() + RETRY_FOR_S, FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except Transient as fault:
            if time.monotonic() + pause > until:
                raise
            log.warning("will try again", group=group, fault=str(fault), in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
