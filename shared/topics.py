"""Every topic of Code Grey: its name, its event, and how Kafka keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.events import Alert, Event, NewsItem, Report

DAY_MS = 24 * 60 * 60 * 1000
MAX_MESSAGE_BYTES = 256 * 1024
"""Bytes of one event, before compression; a larger one is refused by whoever would publish it."""
DEAD_LETTER_BYTES = 4 * MAX_MESSAGE_BYTES
BATCH_BYTES = 8 * MAX_MESSAGE_BYTES
"""Bytes that the broker takes at once: room for any batch that our producers make."""

NEWS = "codegrey.news"
REPORTS = "codegrey.reports"
ALERTS = "codegrey.alerts"
CONTROL = "codegrey.control"
"""Who is paused: one compacted record for each consumer group (`shared.control`)."""
TROUBLES = "codegrey.troubles"
"""What is wrong: one compacted record for each source that looks at itself (`shared.trouble`)."""


@dataclass(frozen=True)
class Topic:
    """What a topic must look like; `config` holds Kafka's own topic settings."""

    name: str
    event: type[Event] | None
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def limit_of(topic: str) -> int:
    """Return how many bytes one message of `topic` may have; dead letters wrap what they hold."""
    return DEAD_LETTER_BYTES if topic.endswith(".dead") else MAX_MESSAGE_BYTES


def dead(topic: str) -> str:
    """Name the topic that holds the dead letters of `topic`."""
    return f"{topic}.dead"


def _kept_forever(name: str, event: type[Event], partitions: int) -> Topic:
    return Topic(
        name,
        event,
        partitions,
        {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "compression.type": "zstd",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(BATCH_BYTES),
        },
    )


def _compacted(name: str, more: dict[str, str] | None = None) -> Topic:
    return Topic(
        name,
        None,
        1,
        {
            "cleanup.policy": "compact",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(BATCH_BYTES),
            "min.cleanable.dirty.ratio": "0.1",
            **(more or {}),
        },
    )


_NEWS = Topic(
    NEWS,
    NewsItem,
    6,
    {
        "cleanup.policy": "delete",
        "retention.ms": str(30 * DAY_MS),
        # For each partition: 6 x 1 GiB at most. Ingest's own store serves replay.
        "retention.bytes": str(1024**3),
        "compression.type": "zstd",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(BATCH_BYTES),
        "segment.bytes": str(128 * 1024**2),
    },
)
_REPORTS = _kept_forever(REPORTS, Report, 3)
_ALERTS = _kept_forever(ALERTS, Alert, 3)
EVENT_TOPICS = (_NEWS, _REPORTS, _ALERTS)

READERS = {
    "codegrey-classifier": NEWS,
    "codegrey-tracker": REPORTS,
    "codegrey-notifier": ALERTS,
}
"""Which consumer group reads which topic: what `codegrey status` looks at."""

TOPICS = (
    *EVENT_TOPICS,
    *(_compacted(dead(topic.name)) for topic in EVENT_TOPICS),
    _compacted(CONTROL),
    # Repeated for ever: closed segments are what Kafka compacts.
    _compacted(TROUBLES, {"segment.ms": str(60 * 60 * 1000), "compression.type": "zstd"}),
)
