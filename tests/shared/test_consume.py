"""The consuming loop on a real broker: what is lost, repeated, buried or committed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as aiokafka_producer
from aiokafka.record import default_records
from aiokafka.structs import OffsetAndMetadata

from shared import retry
from shared.consume import Consumer, Consumption, Received, next_max_records
from shared.control import GroupState, follow_states, read_states, set_state
from shared.dead_letters import now_utc, read_dead_letters, replay
from shared.errors import Permanent, Transient
from shared.events import NewsItem
from shared.kafka import admin
from shared.publish import Outgoing, publish_all
from shared.service import make_broker
from shared.settings import Settings
from shared.topics import NEWS
from tests.shared.news import news_item, news_message, publish_news
from tests.waiting import wait_until

pytestmark = pytest.mark.servers

CONSUMPTION = Consumption(group="codegrey-test", topic=NEWS, event=NewsItem)


class Reader:
    """Remember what the loop handed over, and fail where a test asks for it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.batches: list[int] = []
        self.refuse: set[str] = set()
        self.broken_for = 0

    async def handle(self, received: Sequence[Received[NewsItem]]) -> None:
        """Refuse as told, else note every title."""
        if self.broken_for:
            self.broken_for -= 1
            raise Transient("the database is away")
        for one in received:
            if one.event.title in self.refuse:
                raise Permanent(f"cannot use {one.event.title}")
        self.batches.append(len(received))
        self.seen += [one.event.title for one in received]


@contextlib.asynccontextmanager
async def consuming(
    settings: Settings, producer: AIOKafkaProducer, reader: Reader
) -> AsyncIterator[tuple[Consumer[NewsItem], list[BaseException]]]:
    """Run one consumer as a service does, and stop it at the end."""
    broker = make_broker(settings)
    faults: list[BaseException] = []
    consumer = Consumer(CONSUMPTION, reader.handle, producer, fail=faults.append)
    consumer.attach(broker)
    await broker.start()
    tasks = [
        asyncio.create_task(consumer.obey()),
        asyncio.create_task(follow_states(settings, {CONSUMPTION.group}, consumer.told)),
    ]
    try:
        yield consumer, faults
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await broker.stop()
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended


async def committed(settings: Settings) -> int:
    """Sum the group's committed offsets."""
    async with admin(settings) as client:
        offsets: dict[TopicPartition, OffsetAndMetadata] = await client.list_consumer_group_offsets(CONSUMPTION.group)
    return sum(offset.offset for offset in offsets.values() if offset.offset > 0)


def poisons() -> list[Outgoing]:
    """Make one message of every kind that must not stop the rest."""
    good = news_message(news_item("carrier"))
    return [
        Outgoing(NEWS, b"k", b"{not json"),
        Outgoing(NEWS, b"k", b'"\xff\xfe not utf-8"'),
        Outgoing(NEWS, b"k", None),
        Outgoing(NEWS, b"k", b""),
        Outgoing(NEWS, None, b"[]"),
        Outgoing(NEWS, b"k", b'{"id": 7, "title": ["wrong", "types"]}'),
        Outgoing(NEWS, b"k", b"null", [("reply_to", b"codegrey.alerts")]),
        Outgoing(NEWS, b"k", b"{}", [("correlation_id", b"\xff\xff")]),
        Outgoing(NEWS, b"k", good.value[:-1] if good.value else None),
        Outgoing(NEWS, b"k", b'{"title": "' + b"x" * 250_000 + b'"}'),
    ]


async def test_each_poisonous_record_ends_alone_and_the_rest_flows_on(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Bad JSON, bad UTF-8, nulls, tombstones, wrong types, huge values, a reply_to header: each alone."""
    reader = Reader()
    odd_headers: list[Any] = [("empty", None), ("bytes", b"\xff\xfe"), ("reply_to", b"codegrey.alerts")]
    good = [news_item(f"good-{number}") for number in range(40)]
    messages = [news_message(item) for item in good]
    messages[3] = Outgoing(NEWS, messages[3].key, messages[3].value, odd_headers)
    mixed: list[Outgoing] = []
    for number, message in enumerate(messages):
        mixed += [message, *poisons()[number : number + 1]]
    async with consuming(topics, producer, reader) as (_, faults):
        await publish_all(producer, mixed)
        await wait_until(lambda: len(reader.seen) >= len(good), what="the good records")
        await wait_until(lambda: _all_committed(topics, len(mixed)), what="every offset committed")
    letters = [letter async for letter in read_dead_letters(topics)]
    assert sorted(reader.seen) == sorted(item.title for item in good)
    assert len(letters) == len(poisons())
    assert all(letter.error.startswith("Permanent:") and letter.group == CONSUMPTION.group for letter in letters)
    assert {letter.value for letter in letters} == {poison.value for poison in poisons()}
    assert not faults


class OddName(str):
    """A header name whose bytes are no UTF-8."""

    def encode(self, *_arguments: Any) -> bytes:
        """Return bytes that no decoder takes."""
        return b"\xff\xfename"


@pytest.fixture
def odd_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the producer write such names, which its compiled half refuses; forget the tolerant reader afterwards."""
    for module in (message_accumulator, aiokafka_producer):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", default_records._DefaultRecordBatchBuilderPy)
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)


class Hurried(Reader):
    """Settle three records and leave the rest of the batch, noting what was committed by then."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.committed: list[int] = []

    async def handle(self, received: Sequence[Received[NewsItem]]) -> int:
        """Take the front, as a handler does whose time is up."""
        self.committed.append(await committed(self.settings))
        front = received[:3]
        await super().handle(front)
        return len(front)


async def test_what_a_handler_leaves_is_the_next_batch(topics: Settings, producer: AIOKafkaProducer) -> None:
    """Each front is committed before the rest is handed over; poison and refusals between are buried, once each."""
    reader = Hurried(topics)
    good = [news_item(f"good-{number}") for number in range(20)]
    reader.refuse = {good[4].title, good[17].title}
    messages: list[Outgoing] = []
    for number, item in enumerate(good):
        messages += [news_message(item), *poisons()[number : number + 1]]
    one_partition = [Outgoing(each.topic, b"the same", each.value, each.headers) for each in messages]
    await publish_all(producer, one_partition)
    async with consuming(topics, producer, reader) as (_, faults):
        await wait_until(lambda: _all_committed(topics, len(messages)), what="every offset committed")
    letters = [letter async for letter in read_dead_letters(topics)]
    assert not faults
    assert reader.seen == [item.title for item in good if item.title not in reader.refuse]
    assert len(letters) == len(poisons()) + len(reader.refuse)
    assert max(reader.batches) == 3
    assert reader.committed == sorted(reader.committed)
    assert len(set(reader.committed)) > 3


async def test_who_is_told_to_stop_leaves_the_rest_of_a_batch_to_the_next(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """A long batch does not hold up a stop; what was settled is committed, and nothing is handed over twice."""

    class Slow(Reader):
        async def handle(self, received: Sequence[Received[NewsItem]]) -> int:  # type: ignore[override]
            await asyncio.sleep(0.5)
            await super().handle(received[:1])
            return 1

    slow, quick = Slow(), Reader()
    good = [news_item(f"good-{number}") for number in range(60)]
    await publish_all(producer, [Outgoing(NEWS, b"the same", news_message(item).value) for item in good])
    async with consuming(topics, producer, slow) as (_, faults):
        await wait_until(lambda: bool(slow.seen), what="the first")
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 5
    assert await committed(topics) == len(slow.seen) < 10
    async with consuming(topics, producer, quick):
        await wait_until(lambda: _all_committed(topics, len(good)), what="every offset committed")
    assert not faults
    assert slow.seen + quick.seen == [item.title for item in good]


async def test_a_handler_that_settles_nothing_ends_the_process(topics: Settings, producer: AIOKafkaProducer) -> None:
    """It would be handed the same batch for ever."""

    async def idle(_: Sequence[Received[NewsItem]]) -> int:
        return 0

    reader = Reader()
    reader.handle = idle  # type: ignore[method-assign,assignment]
    await publish_news(producer, news_item("one"))
    async with consuming(topics, producer, reader) as (_, faults):
        await wait_until(lambda: bool(faults), what="the fault")
        assert await committed(topics) == 0
    assert "settled 0 of 1" in str(faults[0])


async def test_a_header_name_that_is_no_text_stops_nobody(
    topics: Settings, producer: AIOKafkaProducer, odd_names: None
) -> None:
    """Read on with the tolerant reader: the record is judged by its value like any other."""
    reader = Reader()
    good = [news_item(f"good-{number}") for number in range(40)]
    messages = [news_message(item) for item in good]
    messages[30] = Outgoing(NEWS, messages[30].key, messages[30].value, [(OddName("x"), b"1")])
    messages[35] = Outgoing(NEWS, messages[35].key, b"{}", [(OddName("x"), b"1")])
    async with consuming(topics, producer, reader) as (_, faults):
        await publish_all(producer, messages[:20])
        await wait_until(lambda: len(reader.seen) == 20, what="what came before")
        await publish_all(producer, messages[20:])
        await wait_until(lambda: _all_committed(topics, len(messages)), within=30, what="every offset committed")
    assert not faults
    assert sorted(reader.seen) == sorted(item.title for item in good if item is not good[35])
    assert [letter.headers[0][0] async for letter in read_dead_letters(topics)] == ["\\xff\\xfename"]


async def test_a_header_name_that_is_no_text_loses_nothing_where_it_is_the_first_to_be_read(
    topics: Settings, producer: AIOKafkaProducer, odd_names: None
) -> None:
    """Meet it in the very first poll, before anything beside the consumer runs: other partitions lose nothing."""
    reader = Reader()
    good = [news_item(f"good-{number}") for number in range(40)]
    messages = [news_message(item) for item in good]
    messages[30] = Outgoing(NEWS, messages[30].key, messages[30].value, [(OddName("x"), b"1")])
    await publish_all(producer, messages)
    broker, faults = make_broker(topics), list[BaseException]()
    consumer = Consumer(CONSUMPTION, reader.handle, producer, fail=faults.append)
    consumer.attach(broker)
    await broker.start()
    await wait_until(lambda: consumer.reopen or len(reader.seen) == 40, what="the first polls")
    obeying = asyncio.create_task(consumer.obey())
    try:
        await wait_until(lambda: _all_committed(topics, len(messages)), within=30, what="every offset committed")
    finally:
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)
        await broker.stop()
    assert not faults
    assert set(reader.seen) == {item.title for item in good}


async def _all_committed(settings: Settings, count: int) -> bool:
    return await committed(settings) == count


async def test_a_refused_record_is_found_in_its_batch_and_buried_alone(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """The handler refuses a whole batch; the loop halves it until the guilty record stands alone."""
    reader = Reader()
    reader.refuse = {"Item 13"}
    await publish_news(producer, *[news_item(str(number)) for number in range(30)])
    async with consuming(topics, producer, reader):
        await wait_until(lambda: _all_committed(topics, 30), what="every offset committed")
    assert sorted(reader.seen) == sorted(f"Item {number}" for number in range(30) if number != 13)
    (letter,) = [letter async for letter in read_dead_letters(topics)]
    assert letter.error == "Permanent: cannot use Item 13"


async def test_a_replayed_dead_letter_comes_back_whole_and_is_cleared(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Replaying publishes the original bytes, key and headers again and writes a tombstone."""
    reader = Reader()
    reader.refuse = {"Item late"}
    await publish_news(producer, news_item("late"))
    async with consuming(topics, producer, reader):
        await wait_until(lambda: _all_committed(topics, 1), what="the refusal")
        (letter,) = [letter async for letter in read_dead_letters(topics)]
        reader.refuse = set()
        await replay(producer, letter)
        await wait_until(lambda: reader.seen == ["Item late"], what="the replayed record")
    assert [letter async for letter in read_dead_letters(topics)] == []


async def test_a_transient_fault_is_retried_in_place_and_nothing_is_lost(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Three failures in a row cost time, no record, and no dead letter."""
    reader = Reader()
    reader.broken_for = 3
    await publish_news(producer, *[news_item(str(number)) for number in range(5)])
    async with consuming(topics, producer, reader) as (_, faults):
        await wait_until(lambda: len(reader.seen) == 5)
    assert not faults
    assert [letter async for letter in read_dead_letters(topics)] == []


async def test_after_a_lasting_fault_nothing_is_committed_and_the_process_is_told_to_end(
    topics: Settings, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later batch must not acknowledge past the failed one; the next process starts where this one failed."""
    monkeypatch.setattr(retry, "RETRY_FOR_S", 0.5)
    reader = Reader()
    reader.broken_for = 1_000
    await publish_news(producer, *[news_item(str(number)) for number in range(3)])
    async with consuming(topics, producer, reader) as (consumer, faults):
        await wait_until(lambda: faults, what="the fault")
        await publish_news(producer, *[news_item(f"later-{number}") for number in range(3)])
        assert consumer.trouble() is not None
        assert await committed(topics) == 0
    healthy = Reader()
    async with consuming(topics, producer, healthy):
        await wait_until(lambda: len(healthy.seen) == 6, what="all six records after the restart")


async def test_a_flood_of_poison_pauses_the_group_until_a_person_resumes_it(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Twenty bad records in a hundred pause the consumer: alive, not ready, and it says how to go on."""
    reader = Reader()
    async with consuming(topics, producer, reader) as (consumer, faults):
        await publish_all(producer, [Outgoing(NEWS, b"k", b"rubbish") for _ in range(25)])
        await wait_until(lambda: consumer.subscriber.consumer is None, what="the pause")
        assert "codegrey dead resume codegrey-test" in (consumer.trouble() or "")
        assert (await read_states(topics))[CONSUMPTION.group].state == "paused"
        await publish_news(producer, news_item("waiting"))
        running = GroupState(group=CONSUMPTION.group, state="running", since=now_utc())
        assert reader.seen == []
        await set_state(producer, running)
        await wait_until(lambda: reader.seen == ["Item waiting"], what="the record after the resumption")
        await wait_until(lambda: consumer.trouble() is None, what="readiness")
    assert not faults


async def test_a_pause_outlives_the_process(topics: Settings, producer: AIOKafkaProducer) -> None:
    """A restarted service learns from the control topic that its group is paused."""
    paused = GroupState(group=CONSUMPTION.group, state="paused", since=now_utc(), reason="for a test")
    await set_state(producer, paused)
    async with consuming(topics, producer, Reader()) as (consumer, _):
        await wait_until(lambda: "for a test" in (consumer.trouble() or ""), what="the remembered pause")


def test_a_slow_batch_makes_the_next_one_smaller_and_a_fast_one_larger() -> None:
    """Batches stay under two seconds whatever the work costs."""
    assert next_max_records(3.0, 500, 500) == 250
    assert next_max_records(9.0, 1, 500) == 1
    assert next_max_records(0.1, 250, 500) == 500
    assert next_max_records(1.0, 250, 500) == 250
