"""Look at topics and groups: messages, committed offsets, lag, and what the log no longer holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.kafka import admin, offset_reader
from shared.log import get_logger
from shared.metrics import BELOW_START, LAG
from shared.settings import Settings

log = get_logger()

WATCH_EVERY_S = 10.0


@dataclass(frozen=True)
class GroupLag:
    """How far a group is behind on one topic, in records."""

    group: str
    topic: str
    lag: int
    below_start: int
    """Records that the log dropped before the group had read them; 0 is well."""


async def topic_bounds(
    consumer: AIOKafkaConsumer, topic: str
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return (first, end) offsets of each partition of `topic`; both empty where there is no such topic."""
    numbers = consumer.partitions_for_topic(topic) or set()
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    if not partitions:
        return {}, {}
    return await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)


async def group_lag(client: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str, topic: str) -> GroupLag:
    """Compare what a group has committed with what the topic holds."""
    first, end = await topic_bounds(consumer, topic)
    committed = await client.list_consumer_group_offsets(group)
    lag = below = 0
    for partition, last in end.items():
        known = committed.get(partition)
        offset = known.offset if known is not None and known.offset >= 0 else None
        position = first[partition] if offset is None else offset
        lag += max(0, last - max(position, first[partition]))
        if offset is not None:
            below += max(0, first[partition] - offset)
    return GroupLag(group, topic, lag, below)


async def watch_offsets(settings: Settings, watched: Sequence[tuple[str, str]]) -> None:
    """Keep the lag metrics fresh and raise the alarm where the log has dropped unread records.

    Kafka itself would silently jump to what is left; an alarm is what an operator needs.
    """
    alarmed: set[str] = set()
    while True:
        try:
            async with (
                admin(settings) as client,
                offset_reader(settings, *{topic for _, topic in watched}) as consumer,
            ):
                while True:
                    for group, topic in watched:
                        found = await group_lag(client, consumer, group, topic)
                        LAG.labels(group, topic).set(found.lag)
                        BELOW_START.labels(group, topic).set(1 if found.below_start else 0)
                        if found.below_start and group not in alarmed:
                            alarmed.add(group)
                            log.error(
                                "records were dropped before they were read",
                                group=group,
                                topic=topic,
                                records=found.below_start,
                                show=True,
                            )
                        if not found.below_start:
                            alarmed.discard(group)
                    await asyncio.sleep(WATCH_EVERY_S)
        except (Transient, KafkaError, OSError) as fault:
            log.warning("offsets cannot be watched now", fault=f"{type(fault).__name__}: {fault}"[:200])
            await asyncio.sleep(WATCH_EVERY_S)
