"""The one loop that consumes, for every service.

What it promises, record by record:

1. A record is parsed on its own; what cannot be parsed goes to `<topic>.dead` alone.
2. The good ones are handed to the service's handler as one batch. If the batch is refused,
   each record is tried alone, so that only the guilty one is dead-lettered.
3. A transient fault is retried in place, with growing pauses, for a minute (`shared.retry`); then
   the process ends and is started again. Nothing is acknowledged after a failure.
4. Dead letters are confirmed by the broker before the offset is committed.
5. A handler whose time is up settles the front of its batch only; that is committed, and the rest is the next batch.
   Where the consumer is to stop or pause meanwhile, the rest is left for whoever reads next.
6. A flood of poison pauses the whole group until a person resumes it (`shared.control`).

FastStream acknowledges past a failed message unless told otherwise, and reads headers that
may not be UTF-8 before any handler runs; hence manual acknowledgement, a parser that reads
no header, and `no_reply` (a `reply_to` header would publish our result where it says).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaAckableMessage

from shared.control import GroupState, set_state
from shared.dead_letters import make_dead_letter, now_utc
from shared.errors import Permanent, Transient
from shared.flood import FloodGauge
from shared.log import get_logger
from shared.metrics import BATCH_SECONDS, DEAD_LETTERS, PAUSED, RECORDS
from shared.odd_headers import tolerant, tolerate_odd_headers
from shared.publish import publish_all
from shared.received import Consumption, E, Received, Record, parse
from shared.retry import retried

__all__ = ["Consumer", "Consumption", "E", "Handler", "Received", "next_max_records", "parse"]

log = get_logger()

BATCH_TARGET_S = 2.0
SILENT_AFTER_S = 30.0


Handler = Callable[[Sequence[Received[E]]], Awaitable[int | None]]
"""Settles a batch. One that returns a number has settled that many from the front, and is handed the rest anew."""


def next_max_records(took_s: float, now: int, ceiling: int) -> int:
    """Choose the next batch's size so that one batch stays under `BATCH_TARGET_S`."""
    if took_s > BATCH_TARGET_S:
        return max(1, now // 2)
    return min(ceiling, now * 2) if took_s < BATCH_TARGET_S / 4 else now


@dataclass
class Consumer(Generic[E]):
    """Run one `Consumption` with its handler on a FastStream broker."""

    consumption: Consumption[E]
    handle: Handler[E]
    producer: AIOKafkaProducer
    fail: Callable[[BaseException], None]
    failed: bool = False
    paused: str = ""
    reopen: bool = False
    started_at: float = field(default_factory=time.monotonic)
    busy_since: float | None = None
    last_poll: float = field(default_factory=time.monotonic)
    subscriber: Any = None
    _gauge: FloodGauge = field(default_factory=FloodGauge)

    def attach(self, broker: KafkaBroker, **options: Any) -> None:
        """Subscribe on `broker`; `options` go to the aiokafka consumer (static membership, say)."""
        self.subscriber = broker.subscriber(
            self.consumption.topic,
            group_id=self.consumption.group,
            batch=True,
            max_records=self.consumption.max_records,
            batch_timeout_ms=20,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            parser=self._parser,
            decoder=_undecoded,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            **options,
        )
        self.subscriber(self.consume)
        get_msg = self.subscriber.get_msg

        async def get_watched(consumer: Any) -> Any:
            # Before the first poll: FastStream starts a loop that failed anew, and what the failed call had taken
            # from other partitions would be lost to it.
            self._watch_polls(consumer)
            return await get_msg(consumer)

        self.subscriber.get_msg = get_watched

    async def _parser(self, records: tuple[Record, ...]) -> KafkaAckableMessage:
        consumer = self.subscriber.consumer or FAKE_CONSUMER
        return KafkaAckableMessage(body=b"", raw_message=records, consumer=consumer)

    async def consume(self, records: Any) -> None:
        """Settle one batch of raw records, then commit just past them."""
        if self.failed:
            raise Transient("an earlier batch failed; this process is about to end")
        started = time.monotonic()
        try:
            rest = [(record, self._read(record)) for record in records]
            while rest:
                began = self.busy_since = time.monotonic()
                settled, poison = await self._settle_front(rest)
                front, rest = [record for record, _ in rest[:settled]], rest[settled:]
                await self._commit(front)
                await self._gauge_flood(front, poison)
                BATCH_SECONDS.labels(self.consumption.group).observe(time.monotonic() - began)
                if not self.subscriber.running:
                    # Told to stop, or paused: this consumer polls no more, and the next one begins where we committed.
                    break
        except Exception as fault:
            self.failed = True
            self.fail(fault)
            raise
        finally:
            self.busy_since = None
        took = time.monotonic() - started
        self.subscriber.max_records = next_max_records(took, self.subscriber.max_records, self.consumption.max_records)

    def _read(self, record: Record) -> Received[E] | Permanent:
        try:
            return parse(record, self.consumption.event)
        except Permanent as refusal:
            return refusal

    async def _settle_front(
        self, batch: Sequence[tuple[Record, Received[E] | Permanent]]
    ) -> tuple[int, set[tuple[int, int]]]:
        """Handle the good, dead-letter the bad, as far as the handler goes; return how far, and the bad's addresses."""
        good = [(place, read) for place, (_, read) in enumerate(batch) if not isinstance(read, Permanent)]
        handled, refused = await self._settle([read for _, read in good]) if good else (0, [])
        settled = good[handled][0] if handled < len(good) else len(batch)
        bad: list[tuple[Record, Exception]]
        bad = [(record, read) for record, read in batch[:settled] if isinstance(read, Permanent)]
        if refused:
            by_address = {(record.partition, record.offset): record for record, _ in batch}
            bad += [(by_address[one.partition, one.offset], why) for one, why in refused]
        if bad:
            await self._bury(bad)
        RECORDS.labels(self.consumption.group, "handled").inc(settled - len(bad))
        RECORDS.labels(self.consumption.group, "dead").inc(len(bad))
        return settled, {(record.partition, record.offset) for record, _ in bad}

    async def _settle(self, batch: Sequence[Received[E]]) -> tuple[int, list[tuple[Received[E], Exception]]]:
        """Hand the batch over; halve it until the records that are refused stand alone.

        Returns how many were settled from the front, and the refused among them.
        """
        try:
            handled = await retried(lambda: self.handle(batch), self.consumption.group)
        except Transient:
            raise
        except Exception as refusal:
            if len(batch) == 1:
                return 1, [(batch[0], refusal)]
            middle = len(batch) // 2
            settled, refused = await self._settle(batch[:middle])
            if settled < middle:
                return settled, refused
            more, others = await self._settle(batch[middle:])
            return settled + more, refused + others
        if handled is not None and not 0 < handled <= len(batch):
            raise ValueError(f"the handler of {self.consumption.group} settled {handled} of {len(batch)} records")
        return len(batch) if handled is None else handled, []

    async def _bury(self, bad: Sequence[tuple[Record, Exception]]) -> None:
        now = now_utc()
        letters = [make_dead_letter(record, why, group=self.consumption.group, now=now) for record, why in bad]
        messages = [letter.to_message() for letter in letters]
        await retried(lambda: publish_all(self.producer, messages), self.consumption.group)
        for letter in letters:
            DEAD_LETTERS.labels(letter.topic).inc()
            log.error("dead letter", origin=letter.origin, error=letter.error, show=True)

    async def _commit(self, records: Sequence[Record]) -> None:
        """Commit past what was settled. A partition that moved on is another's: its work repeats there."""
        consumer = self.subscriber.consumer
        if consumer is None:
            return
        past = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}

        async def commit() -> None:
            ours = {partition: offset for partition, offset in past.items() if partition in consumer.assignment()}
            try:
                if ours:
                    await consumer.commit(ours)
            except (CommitFailedError, IllegalStateError) as error:
                log.warning("offsets not committed: the group has rebalanced", error=str(error))
            except KafkaError as error:
                raise Transient(f"offsets not committed: {type(error).__name__}: {error}") from error

        await retried(commit, self.consumption.group)

    async def _gauge_flood(self, records: Sequence[Record], poison: set[tuple[int, int]]) -> None:
        """Pause the group where poison floods it; the pause stands in the control topic before it takes hold."""
        reasons = [self._gauge.note(poison=(record.partition, record.offset) in poison) for record in records]
        reason = next((reason for reason in reasons if reason), None)
        if reason and not self.paused:
            state = GroupState(group=self.consumption.group, state="paused", since=now_utc(), reason=reason)
            await retried(lambda: set_state(self.producer, state), self.consumption.group)
            self.paused = reason

    def told(self, state: GroupState) -> None:
        """Take note of the group's state, as `shared.control` tells it."""
        if state.state == "paused":
            self.paused = state.reason or "paused"
        else:
            self.paused = ""
            self._gauge.reset()

    async def obey(self) -> None:
        """Stop the subscriber while the group is paused and start it when resumed, until cancelled."""
        running, group = True, self.consumption.group
        while True:
            PAUSED.labels(group).set(1 if self.paused else 0)
            if self.paused and running:
                log.error(
                    "consumer paused",
                    group=group,
                    why=self.paused,
                    next=f"look with `codegrey dead list`, then `codegrey dead resume {group}`",
                    show=True,
                )
                await self.subscriber.stop()
                running = False
            elif self.reopen and running:
                await self.subscriber.stop()
                self.reopen = running = False
            elif not self.paused and not running:
                await self.subscriber.start()
                self.started_at = self.last_poll = time.monotonic()
                running = True
                log.warning("consumer resumed", group=self.consumption.group, show=True)
            await asyncio.sleep(0.25)

    def _watch_polls(self, consumer: Any) -> None:
        """Note each poll of the consumer: a loop that no longer asks is dead, whatever its task says."""
        if getattr(consumer.getmany, "noted", False):
            return
        getmany = consumer.getmany

        async def noting(*args: Any, **kwargs: Any) -> Any:
            self.last_poll = time.monotonic()
            try:
                return await getmany(*args, **kwargs)
            except ConsumerStoppedError:
                raise
            except UnicodeDecodeError as fault:
                if tolerant():
                    self._end(fault)
                    raise
                tolerate_odd_headers()
                log.warning("a header whose name is no UTF-8: reading on tolerantly, more slowly", fault=str(fault))
                self.reopen = True
                # Until `obey` closes this consumer: the next one begins where the last commit stands.
                await asyncio.Event().wait()
            except Exception as fault:
                self._end(fault)
                raise

        noting.noted = True  # type: ignore[attr-defined]
        consumer.getmany = noting

    def _end(self, fault: Exception) -> None:
        """End the process: what other partitions had handed over in this call is lost, and is read again."""
        self.failed = True
        self.fail(fault)

    def trouble(self) -> str | None:
        """Say why this consumer is not ready, or None."""
        now = time.monotonic()
        if self.failed:
            return "a batch failed; the process is ending"
        if self.paused:
            return f"paused: {self.paused}; resume with `codegrey dead resume {self.consumption.group}`"
        if self.busy_since is not None:
            stuck = now - self.busy_since
            return f"one batch has taken {stuck:.0f} s" if stuck > SILENT_AFTER_S else None
        consumer = self.subscriber.consumer if self.subscriber else None
        if consumer is None:
            return "not started"
        if now - self.last_poll > SILENT_AFTER_S:
            return f"has not asked for messages for {now - self.last_poll:.0f} s"
        # Later on, no partitions means a standby: there are more replicas than partitions, and that is well.
        if not consumer.assignment() and now - self.started_at < SILENT_AFTER_S:
            return "has no partitions yet"
        return None


async def _undecoded(message: Any) -> Any:
    return message.raw_message
