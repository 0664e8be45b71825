"""What `codegrey status` shows: topics, groups, lag, dead letters, feeds, deliveries, silences, troubles."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError

from services.ingest.status import config_problem, feeds
from services.notifier.silences import list_silences
from services.notifier.status import deliveries, troubles
from services.notifier.times import road_times
from shared.control import read_states
from shared.database import open_engine
from shared.dead_letters import read_dead_letters
from shared.kafka import admin, offset_reader
from shared.offsets import GroupLag, group_lag, topic_bounds
from shared.settings import Settings
from shared.topics import EVENT_TOPICS, READERS, dead


@dataclass(frozen=True)
class TopicCount:
    """How many records a topic holds now, and how many of its messages are dead letters."""

    topic: str
    messages: int
    dead: int


async def status(settings: Settings) -> dict[str, Any]:
    """Gather the state of everything; raises Transient where Kafka or the database is away."""
    engine = open_engine(settings)
    try:
        # All at once: most of it is waiting for connections.
        counts, groups, read, problem, (sent, times, silenced, wrong) = await asyncio.gather(
            count_topics(settings),
            group_states(settings),
            feeds(engine),
            config_problem(engine),
            asyncio.gather(deliveries(engine), road_times(engine), list_silences(engine), troubles(engine)),
        )
        return {
            "topics": [asdict(count) for count in counts],
            "groups": groups,
            "feeds": read,
            "feeds_config_problem": problem,
            "deliveries": sent,
            "times": times,
            "silences": silenced,
            "troubles": wrong,
        }
    finally:
        await engine.dispose()


async def count_topics(settings: Settings) -> list[TopicCount]:
    """Count each event topic's records and standing dead letters."""
    counts = []
    names = [topic.name for topic in EVENT_TOPICS]
    async with offset_reader(settings, *names, *map(dead, names)) as consumer:
        for topic in EVENT_TOPICS:
            first, end = await topic_bounds(consumer, topic.name)
            messages = sum(end[partition] - first[partition] for partition in end)
            _, dead_end = await topic_bounds(consumer, dead(topic.name))
            standing = 0
            if sum(dead_end.values()):
                standing = len([letter async for letter in read_dead_letters(settings, topic.name)])
            counts.append(TopicCount(topic.name, messages, standing))
    return counts


async def group_states(settings: Settings) -> list[dict[str, Any]]:
    """Tell each group's lag, whether it is paused, and what the log dropped unread."""
    states = await read_states(settings)
    found = []
    async with admin(settings) as client, offset_reader(settings, *READERS.values()) as consumer:
        for group, topic in READERS.items():
            try:
                lag = await group_lag(client, consumer, group, topic)
            except GroupCoordinatorNotAvailableError:  # a new cluster: no group has ever committed anything
                first, end = await topic_bounds(consumer, topic)
                lag = GroupLag(group, topic, sum(end.values()) - sum(first.values()), 0)
            state = states.get(group)
            paused = state is not None and state.state == "paused"
            found.append(asdict(lag) | {"state": "paused" if paused else "running"})
            if state and paused:
                found[-1]["reason"] = state.reason
    return found
