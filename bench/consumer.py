"""One consumer in a process of its own: read N records of the news topic and say how long it took.

    python -m bench.consumer bare N        a bare aiokafka loop: getmany, commit each batch, as large as ours
    python -m bench.consumer bare-500 N    the same with batches of 500, as Kafka's own clients take by default
    python -m bench.consumer classifier N  the classifier's own consumer and handler

Prints one JSON object: records, seconds (from the first batch in hand to the last commit), cpu_s.
The servers are those that the CODEGREY_ environment names.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.classifier.app import CONSUMPTION, warm
from services.classifier.handle import handler
from shared.consume import Consumer, Received
from shared.events import NewsItem
from shared.kafka import client_options, producer
from shared.log import configure_logging
from shared.service import make_broker
from shared.settings import Settings, load_settings
from shared.topics import NEWS


class Watched(Consumer[NewsItem]):
    """The service's own consumer, which also tells when a batch has been committed."""

    settled: Callable[[], None]

    async def consume(self, records: Any) -> None:
        """Settle a batch as ever, then tell."""
        await super().consume(records)
        self.settled()


class Clock:
    """Time from the first record to the last."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.seen = 0
        self.began = self.cpu_began = 0.0
        self.ended = self.cpu_ended = 0.0

    def note(self, records: int) -> None:
        """Note records that were read; the first call starts the clock."""
        if not self.began:
            self.began, self.cpu_began = time.perf_counter(), time.process_time()
        self.seen += records

    def stop(self) -> None:
        """Note that the last batch is committed."""
        self.ended, self.cpu_ended = time.perf_counter(), time.process_time()

    def figures(self) -> dict[str, float]:
        """Return what was measured."""
        return {
            "records": self.seen,
            "seconds": self.ended - self.began,
            "cpu_s": self.cpu_ended - self.cpu_began,
        }


async def bare(settings: Settings, clock: Clock, records: int = CONSUMPTION.max_records) -> None:
    """Do the least that a consumer can do without losing anything."""
    consumer = AIOKafkaConsumer(
        NEWS,
        **client_options(settings),
        group_id=f"bench-{uuid.uuid4().hex}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        while clock.seen < clock.expected:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=records)
            if batches:
                clock.note(sum(len(records) for records in batches.values()))
                await consumer.commit()
        clock.stop()
    finally:
        await consumer.stop()


async def classifier(settings: Settings, clock: Clock) -> None:
    """Run the classifier's consumer, as the service does, until all is read and committed."""
    vectors = warm()
    done = asyncio.Event()
    consumption = replace(CONSUMPTION, group=f"bench-{uuid.uuid4().hex}")
    async with producer(settings) as sender:
        work = handler(sender, vectors)

        async def handle(received: Sequence[Received[NewsItem]]) -> int:
            clock.note(0)
            settled = await work(received)
            clock.note(settled)
            return settled

        broker = make_broker(settings)
        consumer = Watched(consumption, handle, sender, fail=lambda _fault: done.set())
        consumer.settled = lambda: done.set() if clock.seen >= clock.expected else None
        consumer.attach(broker)
        await broker.start()
        await done.wait()
        clock.stop()
        await broker.stop()


async def main(kind: str, count: int) -> None:
    """Run one kind and print its figures."""
    configure_logging("bench", "error")
    clock = Clock(count)
    kinds = {"bare": bare, "bare-500": partial(bare, records=500), "classifier": classifier}
    await kinds[kind](load_settings(), clock)
    print(json.dumps(clock.figures()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
