"""Pausing and resuming a consumer group, known to every replica and kept across restarts.

The compacted topic `codegrey.control` holds one record for each group. A consumer that
meets a flood of poison writes "paused"; `codegrey dead resume` writes "running". Each
service reads the topic from its start, so that a restart does not forget a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from aiokafka import AIOKafkaProducer, TopicPartition
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.errors import Transient
from shared.kafka import reader
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import CONTROL

PARTITION = TopicPartition(CONTROL, 0)


class GroupState(BaseModel):
    """Whether a group consumes, since when, and why not."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str
    state: Literal["running", "paused"]
    since: AwareDatetime
    reason: str = ""


async def set_state(producer: AIOKafkaProducer, state: GroupState) -> None:
    """Publish a group's state and wait until it stands."""
    await publish_all(producer, [Outgoing(CONTROL, state.group.encode(), state.model_dump_json().encode())])


def _parse(value: bytes | None) -> GroupState | None:
    try:
        return GroupState.model_validate_json(value or b"")
    except ValidationError:
        return None


async def read_states(settings: Settings) -> dict[str, GroupState]:
    """Return the latest state of each group that ever paused."""
    states: dict[str, GroupState] = {}
    async with reader(settings, CONTROL, wait_ms=20) as consumer:
        end = (await consumer.end_offsets([PARTITION]))[PARTITION]
        while await consumer.position(PARTITION) < end:
            for record in (await consumer.getmany(PARTITION, timeout_ms=500)).get(PARTITION, []):
                if state := _parse(record.value):
                    states[state.group] = state
    return states


async def follow_states(settings: Settings, groups: set[str], tell: Callable[[GroupState], None]) -> None:
    """Call `tell` with each state of `groups`, from the first kept record on, until cancelled."""
    while True:
        try:
            async with reader(settings, CONTROL) as consumer:
                while True:
                    for record in (await consumer.getmany(timeout_ms=1_000)).get(PARTITION, []):
                        state = _parse(record.value)
                        if state and state.group in groups:
                            tell(state)
        except Transient:
            await asyncio.sleep(1.0)
