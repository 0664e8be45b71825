"""Wait in background loops so that ending them is quick and breaks nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 10.0


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Let `work` come to its end although this task is cancelled meanwhile; then obey.

    A query that is cancelled half way costs its connection, and its outcome is not known.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        if done and not task.cancelled():
            task.exception()  # Looked at, so that nobody complains; the cancellation goes first.
        raise


async def rest(wake: asyncio.Event, seconds: float) -> None:
    """Wait until woken, or for some seconds.

    Not `asyncio.wait_for`: in Python 3.11 it swallows a cancellation that comes together with the wake.
    """
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
    wake.clear()
