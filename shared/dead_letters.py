"""Dead letters: messages that could not be handled, kept with the reason until a person decides.

A dead letter's key is its origin (topic, partition, offset); the topic `<topic>.dead` is
compacted, so writing one twice is harmless, and replaying writes a tombstone over it.
The wrapped value is base64, so that bytes that are no text survive unharmed.
"""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord
from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, ValidationError

from shared.errors import Permanent
from shared.kafka import reader
from shared.log import get_logger
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import EVENT_TOPICS, MAX_MESSAGE_BYTES, dead

log = get_logger()

KEPT_BYTES = 2 * MAX_MESSAGE_BYTES
"""A larger original is cut: compressed, a message may be far larger than what a dead letter can hold."""
KEPT_OF_A_CUT = 4_096


class DeadLetter(BaseModel):
    """One refused message: where it stood, what it was, and why nobody could use it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    topic: str
    partition: int
    offset: int
    group: str
    error: str
    details: str = ""
    died_at: AwareDatetime
    key: Base64Bytes | None = None
    value: Base64Bytes | None = None
    cut: str = ""
    """Where the original was too large to keep whole: its size and SHA-256. It cannot be replayed."""
    headers: tuple[tuple[str, Base64Bytes | None], ...] = ()

    @property
    def origin(self) -> str:
        """Return the address that the `codegrey dead` commands take: topic:partition:offset."""
        return f"{self.topic}:{self.partition}:{self.offset}"

    def to_message(self) -> Outgoing:
        """Wrap it for its dead-letter topic."""
        return Outgoing(dead(self.topic), self.origin.encode(), self.model_dump_json().encode())


def make_dead_letter(
    record: ConsumerRecord[Any, Any], error: BaseException, *, group: str, now: datetime
) -> DeadLetter:
    """Describe a refused record. The value itself is kept, but never quoted in the error."""
    whole = Outgoing(record.topic, record.key, record.value, [(n, v) for n, v in record.headers or () if v is not None])
    cut = ""
    if whole.size() > KEPT_BYTES:
        cut = f"{whole.size()} bytes, SHA-256 of the value {sha256(record.value or b'').hexdigest()}"
    encoded: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "group": group,
        "error": f"{type(error).__name__}: {error}"[:2_000],
        "details": "".join(traceback.format_exception(error, limit=-6))[-4_000:]
        if not str(type(error).__module__).startswith("shared")
        else "",
        "died_at": now,
        "key": _base64(record.key and record.key[:KEPT_OF_A_CUT]) if cut else _base64(record.key),
        "value": _base64(record.value and record.value[:KEPT_OF_A_CUT]) if cut else _base64(record.value),
        "headers": () if cut else tuple((name, _base64(value)) for name, value in record.headers or ()),
        "cut": cut,
    }
    return DeadLetter.model_validate(encoded)


def _base64(value: bytes | None) -> bytes | None:
    from base64 import b64encode

    return None if value is None else b64encode(value)


async def read_dead_letters(settings: Settings, topic: str | None = None) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters that still stand, oldest first, of one topic or of all."""
    names = [dead(topic)] if topic else [dead(known.name) for known in EVENT_TOPICS]
    for name in names:
        standing: dict[bytes, bytes] = {}
        async with reader(settings, name, wait_ms=20) as consumer:
            waiting = dict(await consumer.end_offsets(list(consumer.assignment())))
            while waiting:
                for partition in list(waiting):
                    if await consumer.position(partition) >= waiting[partition]:
                        del waiting[partition]
                for records in (await consumer.getmany(timeout_ms=100)).values() if waiting else ():
                    for record in records:
                        if record.value is None:
                            standing.pop(record.key or b"", None)
                        else:
                            standing[record.key or b""] = record.value
        for value in standing.values():
            try:
                yield DeadLetter.model_validate_json(value)
            except ValidationError:
                log.warning("a record in a dead-letter topic is none of ours", topic=name)


async def replay(producer: AIOKafkaProducer, letter: DeadLetter) -> None:
    """Publish the original again, then clear the dead letter.

    In this order a crash in between replays twice, which is harmless, and loses nothing.
    """
    if letter.cut:
        raise Permanent(f"{letter.origin} was too large to be kept whole ({letter.cut}) and cannot be replayed")
    original = Outgoing(
        letter.topic,
        letter.key,
        letter.value,
        [(name, value) for name, value in letter.headers if value is not None],
    )
    await publish_all(producer, [original])
    await publish_all(producer, [Outgoing(dead(letter.topic), letter.origin.encode(), None)])


def now_utc() -> datetime:
    """Read the clock, in the shell of the program only."""
    return datetime.now(UTC)
