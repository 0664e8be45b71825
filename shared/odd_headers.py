"""Read records whose header names are no UTF-8: aiokafka's reader ends at the first of them.

Whoever may write to a topic could stop its consumers for good with one such record. The tolerant reader
costs some four times as much a record, so the consuming loop takes to it only in a process that has met one. What
reads small topics, or reads a topic once, uses it from the start (`tolerant_here`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.record import default_records, memory_records

# The readers in plain Python, which aiokafka keeps for machines without its compiled ones.
_fetcher: Any = aiokafka_fetcher
_Batch: Any = default_records._DefaultRecordBatchPy  # noqa: SLF001
_Records: Any = memory_records._MemoryRecordsPy  # noqa: SLF001
_swift: Any = _fetcher.MemoryRecords
_here: ContextVar[bool] = ContextVar("reads odd headers", default=False)


class _Bytes(bytearray):
    """Bytes of which every slice can be decoded."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Bytes(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Write what is no UTF-8 by its numbers, with backslashes."""
        return super().decode(encoding, errors)


class _TolerantBatch(_Batch):  # type: ignore[misc]
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Bytes):
            self._buffer = _Bytes(self._buffer)


class _TolerantRecords(_Records):  # type: ignore[misc]
    def next_batch(self, *args: Any) -> Any:
        piece = self._next_slice
        batch = super().next_batch(*args)
        return _TolerantBatch(piece) if isinstance(batch, default_records.DefaultRecordBatch) else batch


def tolerant() -> bool:
    """Say whether this process reads odd headers already."""
    return _fetcher.MemoryRecords is _TolerantRecords


def tolerate_odd_headers() -> None:
    """Let every consumer of this process that is opened from now on read odd headers."""
    _fetcher.MemoryRecords = _TolerantRecords


def _chosen(*args: Any) -> Any:
    return (_TolerantRecords if _here.get() else _swift)(*args)


@contextmanager
def tolerant_here() -> Iterator[None]:
    """Let a consumer that is started inside read odd headers, and no other: its tasks inherit this context."""
    if not tolerant():
        _fetcher.MemoryRecords = _chosen
    before = _here.set(True)
    try:
        yield
    finally:
        _here.reset(before)
