"""Topics: what is created, what is compared, what is left alone."""

from __future__ import annotations

import importlib

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.launcher.topics import create_topics
from shared.kafka import admin
from shared.settings import Settings
from shared.topics import NEWS, READERS, REPORTS, TOPICS
from tests.waiting import wait_until


def test_every_reader_stands_in_the_table_that_status_looks_at() -> None:
    """A group that is missing there would never be watched."""
    found = {}
    for service in ("classifier", "tracker", "notifier"):
        consumption = importlib.import_module(f"services.{service}.app").CONSUMPTION
        found[consumption.group] = consumption.topic
    assert found == READERS


async def _delete(client: AIOKafkaAdminClient, topic: str) -> None:
    await client.delete_topics([topic])

    async def gone() -> bool:
        return topic not in await client.list_topics()

    await wait_until(gone, what="the topic to be deleted")


@pytest.mark.servers
async def test_creating_again_changes_nothing_and_shows_what_differs(topics: Settings) -> None:
    """Differences are shown, and neither settings nor partitions are changed by the command."""
    assert {state.outcome for state in await create_topics(topics)} == {"as it should be"}
    async with admin(topics) as client:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, REPORTS, configs={"retention.ms": "1000"})]
        )
        await _delete(client, NEWS)

        async def created() -> bool:
            await client.create_topics([NewTopic(NEWS, 1, 1)])
            return NEWS in await client.list_topics()

        await wait_until(created, what="the topic with one partition")
    states = {state.name: state for state in await create_topics(topics)}
    assert "retention.ms is 1000, should be -1" in states[REPORTS].differences
    assert any("1 partitions, should be 6" in difference for difference in states[NEWS].differences)
    again = {state.name: state for state in await create_topics(topics)}
    assert again == states


@pytest.mark.servers
async def test_a_missing_topic_is_created_as_it_should_be(topics: Settings) -> None:
    """Partitions, retention, compression and the broker's own time stamps."""
    async with admin(topics) as client:
        await _delete(client, NEWS)
    assert {state.name for state in await create_topics(topics) if state.outcome == "created"} == {NEWS}
    assert {state.outcome for state in await create_topics(topics)} == {"as it should be"}
    assert len(TOPICS) == 8
