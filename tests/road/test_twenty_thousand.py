"""Twenty thousand items at once, and a kill -9 of every process in the middle."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from bench.items import candidate, message, ordinary
from services.classifier.app import CONSUMPTION
from shared.database import open_engine, transaction
from shared.events import Report
from shared.kafka import admin, offset_reader, producer, reader
from shared.offsets import group_lag
from shared.publish import publish_all
from shared.settings import Settings
from shared.topics import NEWS, REPORTS
from tests.chaos.attacks import Attack, towns
from tests.road.conftest import travelling
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

GROUP = CONSUMPTION.group
ITEMS = 20_000
CANDIDATES = 100


async def _lag(settings: Settings) -> int:
    async with admin(settings) as client, offset_reader(settings, NEWS) as consumer:
        return (await group_lag(client, consumer, GROUP, NEWS)).lag


async def _reported(settings: Settings) -> Counter[str]:
    """Count how often each item stands in the topic of reports."""
    found = Counter[str]()
    async with reader(settings, REPORTS) as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found.update(Report.model_validate_json(record.value).item_id for record in records)
    return found


async def test_nothing_is_lost_and_nothing_counts_twice_downstream() -> None:
    """Reports may stand in the topic twice; the tracker must have each once, and one incident for each."""
    chance = random.Random(3)
    names = towns(3)
    every = ITEMS // CANDIDATES
    items = [
        candidate(Attack(n, names[n // every], datetime.now(UTC)), "many")
        if n % every == 0
        else ordinary(n, chance, 470)
        for n in range(ITEMS)
    ]
    expected = {item.id for item in items[::every]}
    assert 3_800 < len(message(items[1]).value or b"") < 4_400
    async with travelling("codegrey-many-") as road:
        await road.stack.up()
        settings = road.stack.settings()
        classifier = road.stack.pid("classifier")
        assert classifier
        # Held until all is published: it reads faster than this process writes.
        os.kill(classifier, signal.SIGSTOP)
        async with producer(settings) as sender:
            await publish_all(sender, [message(item) for item in items])
        async with admin(settings) as client, offset_reader(settings, NEWS) as consumer:

            async def between() -> bool:
                lag = (await group_lag(client, consumer, GROUP, NEWS)).lag
                assert lag > 0, "all was read before anything could be killed: publish more"
                return lag < ITEMS * 0.8

            assert not await between()
            os.kill(classifier, signal.SIGCONT)
            await wait_until(between, within=60, every=0.002, what="the middle")
            await road.stack.kill_everything()
        await road.stack.up()
        settings = road.stack.settings()
        await wait_until(lambda: _done(settings), within=120, every=0.5, what="every item read")
        engine = open_engine(settings)

        async def count(query: str) -> int:
            async with transaction(engine) as connection:
                return int(await connection.scalar(text(query)) or 0)

        async def settled() -> bool:
            return await count("SELECT count(*) FROM tracker.report") >= CANDIDATES

        await wait_until(settled, within=60, every=0.5, what="every report merged")
        assert set(await _reported(settings)) == expected
        assert await count("SELECT count(*) FROM tracker.report") == CANDIDATES
        assert await count("SELECT count(*) FROM tracker.incident") == CANDIDATES
        assert await count("SELECT count(*) FROM tracker.incident_version") == CANDIDATES
        await wait_until(
            lambda: len({_hospital(mail.subject) for mail in road.mail.messages}) >= CANDIDATES,
            within=120,
            what="every alert at the mailbox",
        )
        await engine.dispose()


def _hospital(subject: str) -> str:
    """Return the town in a subject, whatever stands before it (a repeat is marked there)."""
    return subject.split(" General Hospital")[0].split()[-1]


async def _done(settings: Settings) -> bool:
    return await _lag(settings) == 0
