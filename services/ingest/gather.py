"""Gather what several polls want written, and write it together: one transaction costs as much as ten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import Transient

J = TypeVar("J")
R = TypeVar("R")
GATHER_S = 0.005


class Gather(Generic[J, R]):
    """Hand jobs to `write` in batches; each caller waits until its own is durable.

    A batch that fails by a fault of one job is tried again one by one, so that the fault stays
    with its job.
    """

    def __init__(
        self,
        write: Callable[[Sequence[J]], Awaitable[Sequence[R]]],
        *,
        most: int,
        weight: Callable[[J], int] = lambda job: 1,
    ) -> None:
        """Write up to `most` of summed `weight` at a time."""
        self._write = write
        self._most = most
        self._weight = weight
        self._waiting: list[tuple[J, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, job: J) -> R:
        """Return what became of `job` once it is durable."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_S)
                await self._settle(self._take())
        finally:
            self._task = None

    def _take(self) -> list[tuple[J, asyncio.Future[R]]]:
        weight = 0
        for count, (job, _) in enumerate(self._waiting):
            weight += self._weight(job)
            if count and weight > self._most:
                batch, self._waiting = self._waiting[:count], self._waiting[count:]
                return batch
        batch, self._waiting = self._waiting, []
        return batch

    async def _settle(self, batch: list[tuple[J, asyncio.Future[R]]]) -> None:
        try:
            results = await self._write([job for job, _ in batch])
        except Exception as fault:
            if len(batch) > 1 and not isinstance(fault, Transient):
                for one in batch:
                    await self._settle([one])
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(fault)
            return
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)
