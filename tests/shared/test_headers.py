"""Message headers: CloudEvents attributes and trace context, written and read."""

from __future__ import annotations

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event  # type: ignore[import-not-found]

from shared.headers import Trace, event_headers, read_trace
from tests.shared.news import NOON, news_item


def test_another_library_reads_our_events_as_cloudevents() -> None:
    """The CloudEvents SDK understands what we write, field by field."""
    item = news_item("x")
    headers = event_headers(item, event_id=item.id, source="ingest", time=NOON, trace=Trace.start(item.entry_id))
    message = KafkaMessage(headers=dict(headers), key=item.key().encode(), value=item.model_dump_json().encode())
    event = from_binary_event(message)
    assert event.get_id() == item.id
    assert event.get_type() == "codegrey.news.item.v1"
    assert event.get_source() == "/codegrey/ingest"
    assert event.get_time() == NOON


def test_a_trace_is_continued_and_a_damaged_one_started_anew() -> None:
    """The same entry always gets the same trace id."""
    entry = "ab" * 16
    carried = [("traceparent", f"00-{entry}-{'12' * 8}-01".encode()), ("correlation_id", entry.encode())]
    assert read_trace(carried, "other") == Trace(entry, entry)
    for damaged in (None, [], [("traceparent", b"00-zz-1-01")], [("traceparent", None)], [("traceparent", b"\xff")]):
        assert read_trace(damaged, entry) == Trace(entry, entry)
