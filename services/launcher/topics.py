"""Create Code Grey's topics, show what differs from what they should be, and never change partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.errors import Transient
from shared.kafka import admin
from shared.settings import Settings
from shared.topics import TOPICS, Topic


@dataclass(frozen=True)
class TopicState:
    """What was found for one topic: "created", "as it should be" or "differs", and in what."""

    name: str
    outcome: str
    differences: tuple[str, ...] = ()


async def create_topics(settings: Settings) -> list[TopicState]:
    """Create the topics that are missing and compare the others; safe to run at any time."""
    return await create_missing(settings, TOPICS)


async def create_missing(settings: Settings, wanted: Sequence[Topic]) -> list[TopicState]:
    """Create those of these topics that are missing and compare the others."""
    async with admin(settings) as client:
        existing = set(await client.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            await _create(client, missing, settings.kafka_replication)
        present = [topic for topic in wanted if topic.name in existing]
        states = [TopicState(topic.name, "created") for topic in missing]
        return states + (await _compare(client, present) if present else [])


async def compare_topics(settings: Settings) -> list[TopicState]:
    """Compare the topics with what they should be, and create none."""
    async with admin(settings) as client:
        existing = set(await client.list_topics())
        present = [topic for topic in TOPICS if topic.name in existing]
        states = [TopicState(topic.name, "missing") for topic in TOPICS if topic.name not in existing]
        return states + (await _compare(client, present) if present else [])


async def _create(client: AIOKafkaAdminClient, topics: list[Topic], replication: int) -> None:
    wanted = [NewTopic(topic.name, topic.partitions, replication, topic_configs=dict(topic.config)) for topic in topics]
    response = await client.create_topics(wanted)
    for name, code, *message in response.topic_errors:  # type: ignore[attr-defined]
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Transient(f"topic {name} was not created: {error.__name__} {message[0] if message else ''}")
    await _until_led(client, topics)


async def _until_led(client: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """Wait until every partition has a leader, so that the first message finds one."""
    names = {topic.name: topic.partitions for topic in topics}
    for _ in range(200):
        described = await client.describe_topics(list(names))
        led = {
            found["topic"]: sum(1 for part in found["partitions"] if part["leader"] >= 0)
            for found in described
            if not found["error_code"]
        }
        if all(led.get(name, 0) >= count for name, count in names.items()):
            return
        await asyncio.sleep(0.05)
    raise Transient("topics were created but have no leader after 10 s")


async def _compare(client: AIOKafkaAdminClient, topics: list[Topic]) -> list[TopicState]:
    described = {found["topic"]: found for found in await client.describe_topics([topic.name for topic in topics])}
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics])
    configs: dict[str, dict[str, str]] = {}
    for answer in answers:
        for resource in answer.resources:  # type: ignore[attr-defined]
            configs[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
    states = []
    for topic in topics:
        differences = [
            f"{key} is {configs.get(topic.name, {}).get(key)}, should be {value}"
            for key, value in topic.config.items()
            if configs.get(topic.name, {}).get(key) != value
        ]
        partitions = len(described[topic.name]["partitions"])
        if partitions < topic.partitions:
            differences.append(
                f"{partitions} partitions, should be {topic.partitions} (never added by itself: "
                "keys would move; see docs/operating.md)"
            )
        states.append(TopicState(topic.name, "differs" if differences else "as it should be", tuple(differences)))
    return states


async def reset_topics(settings: Settings) -> None:
    """Delete every topic of ours, with what groups had committed, and create them anew: for tests and benches."""
    async with admin(settings) as client:
        ours = [topic.name for topic in TOPICS]
        existing = set(await client.list_topics()) & set(ours)
        if existing:
            await client.delete_topics(list(existing))
        for _ in range(200):
            if not set(await client.list_topics()) & set(ours):
                break
            await asyncio.sleep(0.05)
        for attempt in range(40):
            try:
                await _create(client, list(TOPICS), 1)
                return
            except (Transient, KafkaError):
                if attempt == 39:
                    raise
                await asyncio.sleep(0.1)
