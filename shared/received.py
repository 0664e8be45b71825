"""What a service consumes, and what it is handed: one parsed event with its address and trace."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog
from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared.errors import Permanent
from shared.events import Event
from shared.headers import RawHeaders, Trace, read_trace

E = TypeVar("E", bound=Event)
Record = ConsumerRecord[Any, Any]


@dataclass(frozen=True)
class Consumption(Generic[E]):
    """What a service consumes: the group, the topic, the event, and the largest batch."""

    group: str
    topic: str
    event: type[E]
    max_records: int = 500


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """One parsed event with its address and trace."""

    event: E
    topic: str
    partition: int
    offset: int
    carried: Trace | RawHeaders
    """The trace, or the headers that it is read from when somebody asks: most records are only looked at."""
    timestamp: int = 0
    """LogAppendTime in milliseconds: when Kafka took the record in."""

    @property
    def trace(self) -> Trace:
        """Return the trace that the record belongs to."""
        if isinstance(self.carried, Trace):
            return self.carried
        return read_trace(self.carried, getattr(self.event, "entry_id", ""))

    @property
    def appended_at(self) -> datetime | None:
        """Return when Kafka took the record in, by its own clock; None where that is not known."""
        return datetime.fromtimestamp(self.timestamp / 1000, UTC) if self.timestamp > 0 else None

    def bound(self) -> AbstractContextManager[None]:
        """Put the entry's correlation id into every line that is logged inside."""
        return structlog.contextvars.bound_contextvars(correlation_id=self.trace.correlation_id)


def parse(record: Record, event: type[E]) -> Received[E]:
    """Read one record; raises Permanent with the fields that are wrong, never their content."""
    if record.value is None:
        raise Permanent("empty message (a tombstone): this topic holds events only")
    try:
        parsed = event.model_validate_json(record.value)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'message'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)[:5]
        )
        raise Permanent(f"not a readable {event.type_name}: {problems}") from None
    return Received(parsed, record.topic, record.partition, record.offset, record.headers or (), record.timestamp or 0)
