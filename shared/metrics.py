"""The Prometheus metrics that every service shares. Services declare their own beside their code."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("codegrey_records_total", "Records handled", ["group", "outcome"])
BATCH_SECONDS = Histogram(
    "codegrey_batch_seconds",
    "Time to handle one batch, seconds",
    ["group"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60),
)
DEAD_LETTERS = Counter("codegrey_dead_letters_total", "Messages moved to a dead-letter topic", ["topic"])
PAUSED = Gauge("codegrey_consumer_paused", "1 while the group is paused by a flood of poison", ["group"])
LAG = Gauge("codegrey_consumer_lag", "Records between the committed offset and the end", ["group", "topic"])
BELOW_START = Gauge(
    "codegrey_offset_below_log_start",
    "1 where a committed offset is older than what the log still holds",
    ["group", "topic"],
)
OUTBOX_WAITING = Gauge("codegrey_outbox_waiting", "Outbox rows not yet confirmed by the broker", ["service"])
OUTBOX_REFUSED = Gauge("codegrey_outbox_refused", "Outbox rows that Kafka refused for good", ["service"])
PUBLISHED = Counter("codegrey_outbox_published_total", "Outbox rows confirmed by the broker", ["service"])
READY = Gauge("codegrey_ready", "1 while the named check is content", ["check"])
