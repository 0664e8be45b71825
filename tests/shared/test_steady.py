"""Background loops end at once and break nothing half done."""

from __future__ import annotations

import asyncio

import pytest

from shared.steady import rest, uninterrupted


async def test_work_that_has_begun_is_finished_before_a_cancellation_is_obeyed() -> None:
    """Cancel in the middle, and find the work done and the task cancelled."""
    begun, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.append(True)

    task = asyncio.create_task(uninterrupted(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done


async def test_a_cancellation_that_comes_with_the_wake_is_obeyed() -> None:
    """Do both in one breath: the loop must not go on."""
    wake = asyncio.Event()
    task = asyncio.create_task(rest(wake, 5.0))
    await asyncio.sleep(0)
    wake.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_rest_ends_by_itself_or_by_the_wake() -> None:
    """Come back either way, and leave the wake ready for the next."""
    wake = asyncio.Event()
    await rest(wake, 0.01)
    wake.set()
    await rest(wake, 60.0)
    assert not wake.is_set()
