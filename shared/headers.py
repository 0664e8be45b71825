"""Message headers: CloudEvents 1.0 binary mode, W3C trace context, and our correlation id.

Sources: CloudEvents Kafka protocol binding 1.0 (attributes as `ce_` headers), W3C Trace
Context (`traceparent: 00-<trace id>-<span id>-<flags>`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.events import Event

Headers = list[tuple[str, bytes]]
RawHeaders = Sequence[tuple[str, bytes | None]]

_CARRIED = frozenset({"traceparent", "correlation_id"})
_CORRELATION = re.compile(r"^[\x21-\x7e]{1,100}$")
_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


@dataclass(frozen=True)
class Trace:
    """Where a message belongs: its W3C trace and the id of the entry it descends from."""

    trace_id: str
    correlation_id: str = ""

    @classmethod
    def start(cls, correlation_id: str) -> Trace:
        """Begin the trace of an entry; the same entry always gets the same trace."""
        valid = re.fullmatch(r"[0-9a-f]{32}", correlation_id) and correlation_id != "0" * 32
        return cls(correlation_id if valid else secrets.token_hex(16), correlation_id)

    def traceparent(self) -> str:
        """Write the header for a new span in this trace."""
        return f"00-{self.trace_id}-{secrets.token_hex(8)}-01"


def read_trace(headers: RawHeaders | None, fallback: str) -> Trace:
    """Continue the trace that a message carries, or start one from `fallback`.

    Looks at two headers only: this runs for every record.
    """
    parent = correlation = ""
    for name, value in headers or ():
        if value is not None and name in _CARRIED:
            try:
                text = value.decode()
            except UnicodeDecodeError:
                continue
            if name == "traceparent":
                parent = text
            elif _CORRELATION.match(text):
                correlation = text
    correlation = correlation or fallback
    match = _TRACEPARENT.match(parent)
    return Trace(match.group(1), correlation) if match else Trace.start(correlation)


def event_headers(event: Event, *, event_id: str, source: str, time: datetime, trace: Trace) -> Headers:
    """Describe one event as CloudEvents attributes beside its trace.

    `source` is the service that publishes; `time` the moment of the event itself, so that
    a repeated publication carries the same attributes.
    """
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": f"/codegrey/{source}",
        "ce_type": f"{event.type_name}.v{event.schema_version}",
        "ce_time": time.isoformat(),
        "content-type": "application/json",
        "traceparent": trace.traceparent(),
        "correlation_id": trace.correlation_id,
    }
    return [(name, value.encode()) for name, value in attributes.items()]
