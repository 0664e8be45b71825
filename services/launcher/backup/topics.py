"""The topics in a backup: what is in them, and from where each group reads on.

Taken along are the reports, the alerts, the dead letters and the pauses whole, since they are kept for ever; and of
the news what the classifier had not read: the rest is read, and ingest keeps it. Canaries stay behind: the road that
they prove is another one after a restore. A record is one line of JSON, in the order of its partition. On the way back
each record goes to the partition that it came from, and each group's offset becomes the number of records before it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from services.launcher.backup.file import TopicPart
from services.launcher.topics import create_missing
from shared import canary
from shared.errors import CodeGreyError, Transient
from shared.kafka import admin, client_options, offset_reader, producer
from shared.odd_headers import tolerant_here
from shared.offsets import topic_bounds
from shared.settings import Settings
from shared.topics import ALERTS, CONTROL, EVENT_TOPICS, NEWS, READERS, REPORTS, TOPICS, dead

STALLED_S = 60.0
AT_ONCE = 500
CARRIED = (*(topic.name for topic in EVENT_TOPICS), *(dead(topic.name) for topic in EVENT_TOPICS), CONTROL)
"""What else there is tells of the machine as it runs, and is told anew by the next one."""

TELL_EVERY = 25_000

Offsets = dict[str, dict[str, int]]
Say = Callable[[str], None]


def _nothing(_words: str) -> None:
    """Keep progress to oneself."""


async def committed_offsets(settings: Settings) -> Offsets:
    """Return what each group has committed, by "topic:partition"."""
    found: Offsets = {}
    async with admin(settings) as client:
        for group in READERS:
            try:
                offsets = await client.list_consumer_group_offsets(group)
            except GroupCoordinatorNotAvailableError:  # nobody has ever committed anything
                offsets = {}
            found[group] = {
                f"{at.topic}:{at.partition}": known.offset for at, known in offsets.items() if known.offset >= 0
            }
    return found


@dataclass(frozen=True)
class Span:
    """The records of one partition that are taken along."""

    partition: TopicPartition
    first: int
    end: int


async def spans(settings: Settings, groups: Offsets) -> tuple[list[Span], dict[str, int]]:
    """Return what to take of each partition, as the topics are now, and how many partitions each topic has."""
    read = {name: offset for offsets in groups.values() for name, offset in offsets.items()}
    found, partitions = [], {}
    async with offset_reader(settings, *CARRIED) as consumer:
        for name in CARRIED:
            first, end = await topic_bounds(consumer, name)
            partitions[name] = len(end)
            for at in end:
                known = read.get(f"{at.topic}:{at.partition}", 0) if name == NEWS else 0
                found.append(Span(at, min(max(first[at], known), end[at]), end[at]))
    return found, partitions


async def save_records(settings: Settings, wanted: list[Span], into: Path, say: Say = _nothing) -> Counter[str]:
    """Write the records of these spans into a file; return how many of each topic."""
    counts: Counter[str] = Counter()
    waiting = {span.partition: span for span in wanted if span.first < span.end}
    with gzip.open(into, "wt", encoding="ascii", compresslevel=5) as file:
        if not waiting:
            return counts
        consumer = AIOKafkaConsumer(
            **client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100
        )
        try:
            with tolerant_here():
                await consumer.start()
            consumer.assign(list(waiting))
            for span in waiting.values():
                consumer.seek(span.partition, span.first)
            moved = time.monotonic()
            while waiting:
                for at, records in (await consumer.getmany(timeout_ms=200)).items():
                    known = waiting.get(at)
                    for record in records if known else ():
                        if known and known.first <= record.offset < known.end and not is_canary(record):
                            file.write(_line(record) + "\n")
                            counts[at.topic] += 1
                            if counts.total() % TELL_EVERY == 0:
                                say(f"topics: {counts.total()} records so far")
                    moved = time.monotonic()
                done = [at for at, span in waiting.items() if await consumer.position(at) >= span.end]
                for at in done:
                    consumer.pause(at)
                    del waiting[at]
                if waiting and time.monotonic() - moved > STALLED_S:
                    raise Transient(f"Kafka gives no more records of {next(iter(waiting)).topic}: try again")
        except KafkaError as error:
            raise Transient(f"Kafka: {type(error).__name__}: {error}") from error
        finally:
            await consumer.stop()
    return counts


def is_canary(record: Any) -> bool:
    """Say whether a report or an alert is a canary's: by the field that only our own configuration sets."""
    value = record.value or b""
    # Cheap first: nearly none is, and a stranger may write these words into a text.
    if record.topic not in {REPORTS, ALERTS} or (canary.FEED.encode() not in value and b'"canary":true' not in value):
        return False
    try:
        event = json.loads(value)
    except ValueError:
        return False
    return isinstance(event, dict) and (event.get("canary") is True or event.get("feed") == canary.FEED)


def _line(record: Any) -> str:
    headers = [[name, _text(value)] for name, value in record.headers or ()]
    return json.dumps(
        [record.topic, record.partition, record.offset, _text(record.key), _text(record.value), headers],
        separators=(",", ":"),
    )


def _text(value: bytes | None) -> str | None:
    """Keep bytes as text that gives exactly these bytes again, whatever they are."""
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Kept:
    """A record as it was kept."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def kept_records(path: Path) -> Iterator[Kept]:
    """Read the records of a backup."""
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            topic, partition, offset, key, value, headers = json.loads(line)
            whole = [(name, _bytes(text) or b"") for name, text in headers]
            yield Kept(topic, partition, offset, _bytes(key), _bytes(value), whole)


async def refuse_filled(settings: Settings) -> None:
    """Refuse a Kafka whose topics hold something already."""
    async with admin(settings) as client:
        there = set(await client.list_topics())
    names = [name for name in CARRIED if name in there]
    if not names:
        return
    async with offset_reader(settings, *names) as consumer:
        for name in names:
            _, end = await topic_bounds(consumer, name)
            if any(end.values()):
                raise CodeGreyError(f"topic {name} is not empty: a backup is restored into topics that are new")


async def make_topics(settings: Settings, parts: Mapping[str, TopicPart]) -> None:
    """Create the topics with as many partitions as they had: keys keep their place and their order."""
    wanted = [
        replace(topic, partitions=max(topic.partitions, parts[topic.name].partitions if topic.name in parts else 0))
        for topic in TOPICS
    ]
    await create_missing(settings, wanted)


async def publish_kept(settings: Settings, path: Path, groups: Offsets, say: Say = _nothing) -> Counter[str]:
    """Publish the records where they were, and let each group read on where it was; return how many of each topic."""
    counts: Counter[str] = Counter()
    before: Counter[str] = Counter()  # of each "topic:partition", the records that its group had read
    read = {name: offset for offsets in groups.values() for name, offset in offsets.items()}
    known = set(CARRIED)
    async with producer(settings) as sender:
        under_way: list[Any] = []
        for one in kept_records(path):
            if one.topic not in known:
                continue
            place = f"{one.topic}:{one.partition}"
            before[place] += one.offset < read.get(place, 0)
            counts[one.topic] += 1
            if counts.total() % TELL_EVERY == 0:
                say(f"topics: {counts.total()} records so far")
            under_way.append(
                await sender.send(one.topic, one.value, one.key, partition=one.partition, headers=one.headers)
            )
            if len(under_way) >= AT_ONCE:
                await asyncio.gather(*under_way)
                under_way = []
        await asyncio.gather(*under_way)
    for group, offsets in groups.items():
        await _commit(settings, group, {place: before[place] for place in offsets if place.split(":")[0] in known})
    return counts


async def _commit(settings: Settings, group: str, offsets: Mapping[str, int]) -> None:
    if not offsets:
        return
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        places = {TopicPartition(place.split(":")[0], int(place.split(":")[1])): at for place, at in offsets.items()}
        consumer.assign(list(places))
        await consumer.commit(places)
    except KafkaError as error:
        raise Transient(f"Kafka: the offsets of {group} were not committed: {error}") from error
    finally:
        await consumer.stop()
