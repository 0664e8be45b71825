"""Publish messages and wait for the broker's word on each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTopicError, KafkaError, MessageSizeTooLargeError

from shared.errors import Permanent, Transient
from shared.headers import Headers
from shared.topics import limit_of

CONFIRM_WITHIN_S = 60.0
"""Longer than any leader election; an idempotent send would otherwise wait for ever."""


@dataclass(frozen=True)
class Outgoing:
    """One message on its way to a topic; a value of None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)

    def size(self) -> int:
        """Count the bytes on the wire, before compression."""
        headers = sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


async def publish_each(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> list[Permanent | Transient | None]:
    """Send all in order and return, for each, None once the broker confirmed it, or the error."""
    outcomes: list[Permanent | Transient | None] = []
    sent: list[asyncio.Future[object] | Permanent | Transient] = []
    for message in messages:
        if (size := message.size()) > limit_of(message.topic):
            # Refused here: once the broker has refused a batch, an idempotent producer cannot go on.
            sent.append(Permanent(f"{message.topic}: {size} bytes, over the limit of {limit_of(message.topic)}"))
            continue
        try:
            sent.append(
                await producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
            )
        except (KafkaError, ValueError, AssertionError) as error:
            sent.append(_classify(error, message.topic))
    waiting = [entry for entry in sent if isinstance(entry, asyncio.Future)]
    if waiting:
        await asyncio.wait(waiting, timeout=CONFIRM_WITHIN_S)
    for entry, message in zip(sent, messages, strict=True):
        if not isinstance(entry, asyncio.Future):
            outcomes.append(entry)
        elif not entry.done():
            outcomes.append(Transient(f"{message.topic}: the broker did not confirm in {CONFIRM_WITHIN_S} s"))
        elif (fault := entry.exception()) is not None:
            outcomes.append(_classify(fault, message.topic))
        else:
            outcomes.append(None)
    return outcomes


async def publish_all(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
    """Send all; raise the first error. On return every message is confirmed."""
    for outcome in await publish_each(producer, messages):
        if outcome is not None:
            raise outcome


def _classify(error: BaseException, topic: str) -> Permanent | Transient:
    """Tell a message that can never be sent from a broker that is not ready."""
    if isinstance(error, MessageSizeTooLargeError | InvalidTopicError | ValueError | AssertionError):
        return Permanent(f"{topic}: {type(error).__name__}: {error}")
    return Transient(f"{topic}: {type(error).__name__}: {error}")
