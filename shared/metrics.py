"""The Prometheus metrics that every service shares. Services declare their own beside their code."""

from __future__ import annotations

from datetime import datetime

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

STEP_SECONDS = Histogram(
    "codegrey_step_seconds",
    "Time that an item takes for one step of the road, or for all of it, seconds",
    ["step"],
    buckets=(
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
        300,
        900,
        1800,
        3600,
        10800,
        43200,
        86400,
        604800,
    ),
)


class StepTime:
    """One step of the road. Its two moments may be of two clocks: a difference below zero counts as none."""

    def __init__(self, step: str) -> None:
        self._child = STEP_SECONDS.labels(step)

    def note(self, began: datetime | None, ended: datetime | None) -> None:
        """Count one passage; where a moment is not known, none."""
        if began is not None and ended is not None:
            self._child.observe(max(0.0, (ended - began).total_seconds()))


def expect(group: str, topic: str) -> None:
    """Show the counters of a consumer from its start: of one that first appears as 1, no rate can be told."""
    DEAD_LETTERS.labels(topic)
    for outcome in ("handled", "dead"):
        RECORDS.labels(group, outcome)
