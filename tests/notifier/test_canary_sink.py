"""Canaries are matched, sent to the sink for real, timed, told outside, and missed when they stay away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.notifier.canary import PURGE, Canary, Seen, WithSink, missing
from services.notifier.config import CANARY
from services.notifier.deliver import Deliverer
from services.notifier.handle import Handler
from services.notifier.status import deliveries
from services.notifier.tables import canary, delivery, inbox, notice, told
from shared.purge import Purger
from shared.settings import Settings
from tests.notifier.alert_samples import NOW, alert, received, sings, subscriptions
from tests.notifier.notifier_sinks import web_sink
from tests.waiting import wait_until

EVERY = 900
SOON, LATE = timedelta(minutes=30), timedelta(minutes=33)


@pytest.mark.parametrize(
    ("seen", "every", "late"),
    [
        (Seen(NOW, started=NOW - SOON), EVERY, False),
        (Seen(NOW, started=NOW - LATE), EVERY, True),
        (Seen(NOW, started=NOW - LATE), 0, False),
        (Seen(NOW, started=NOW - 9 * LATE, taken=NOW - SOON), EVERY, False),
        (Seen(NOW, started=NOW - 9 * LATE, taken=NOW - LATE), EVERY, True),
        # The whole machine was off: it has time to begin.
        (Seen(NOW, started=NOW - SOON, taken=NOW - timedelta(days=3)), EVERY, False),
        # Operators were told, and the notifier has started anew: nothing has arrived since.
        (Seen(NOW, started=NOW, taken=NOW - 2 * LATE, told=NOW - LATE), EVERY, True),
        (Seen(NOW, started=NOW, taken=NOW - SOON, told=NOW - LATE), EVERY, False),
    ],
)
def test_two_canaries_may_be_missing_and_no_more(seen: Seen, every: int, late: bool) -> None:
    """And a start gives time, but does not end a trouble."""
    assert bool(missing(seen, every)) is late


def test_it_says_how_far_they_came() -> None:
    """To the sending, or not even to the notifier."""
    seen = Seen(NOW, started=NOW - 9 * LATE, taken=NOW - 2 * LATE, matched=NOW - LATE)
    assert "matched and not sent" in str(missing(seen, EVERY))
    assert "did not come as far as the notifier" in str(missing(Seen(NOW, started=NOW - LATE), EVERY))


@pytest.fixture
async def sink(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Canary]:
    """Run the sink, and deliveries beside it."""
    made = Canary(engine, settings.model_copy(update={"canary_every_s": EVERY}))
    serving = asyncio.create_task(made.run())
    deliverer = Deliverer(engine, settings, WithSink(subscriptions), asyncio.Event())
    sending = asyncio.create_task(deliverer.run())
    yield made
    for task in (serving, sending):
        task.cancel()
    await asyncio.gather(serving, sending, return_exceptions=True)


async def _taken(engine: AsyncEngine) -> datetime | None:
    async with engine.connect() as connection:
        moment: datetime | None = await connection.scalar(select(canary.c.taken_at))
        return moment


@pytest.mark.servers
async def test_a_canary_arrives_in_the_sink_and_nowhere_else(engine: AsyncEngine, sink: Canary) -> None:
    """Although a subscription wants everything; and it is counted once however often it comes."""
    one = sings()
    for _ in range(2):
        await Handler(engine, subscriptions)(received(one, one))
    await wait_until(lambda: _taken(engine), what="the canary in the sink")
    async with engine.connect() as connection:
        rows: list[Any] = list((await connection.execute(select(delivery))).all())
        for table in (inbox, notice, told):
            assert (await connection.execute(select(table))).all() == []
        assert await connection.scalar(text("SELECT sum(count) FROM notifier.canary_day")) == 1
    assert [(row.subscription, row.kind) for row in rows] == [(CANARY, "webhook")]
    assert (await deliveries(engine))["sent"] == 0
    assert await sink.look() is None
    assert await sink.troubles() == []


@pytest.mark.servers
async def test_a_canary_of_yesterday_proves_nothing(engine: AsyncEngine, sink: Canary) -> None:
    """Who reads the topic from its start again must not call the switch outside a thousand times."""
    await Handler(engine, subscriptions)(received(alert(canary=True)))
    async with engine.connect() as connection:
        assert (await connection.execute(select(canary))).all() == []
        assert (await connection.execute(select(delivery))).all() == []


@pytest.mark.servers
async def test_what_is_left_of_canaries_goes_after_a_day(engine: AsyncEngine, sink: Canary) -> None:
    """Their rows are no history."""
    await Handler(engine, subscriptions)(received(sings()))
    await wait_until(lambda: _taken(engine))
    purger = Purger("notifier-canary", engine, PURGE, pause_s=0.0)
    assert not any((await purger.purge()).values())
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.canary SET matched_at = matched_at - interval '25 hours'"))
        await connection.execute(text("UPDATE notifier.delivery SET created_at = created_at - interval '25 hours'"))
    assert await purger.purge() == {"canaries": 1, "canaries' deliveries": 1, "canaries' days": 0}


@pytest.mark.servers
async def test_one_that_stays_away_makes_the_notifier_not_ready_until_one_arrives(
    engine: AsyncEngine, sink: Canary
) -> None:
    """Readiness and the operators say the same."""
    await wait_until(lambda: sink._started, what="the first look")
    assert sink._started
    sink._started -= LATE
    assert await sink.look()
    assert "the canary is late: none has arrived yet" in str(sink.trouble())
    assert [one.key for one in await sink.troubles()] == ["canary"]
    await Handler(engine, subscriptions)(received(sings()))
    await wait_until(lambda: _taken(engine))
    assert await sink.look() is None
    assert sink.trouble() is None


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_switch_outside_is_told_of_each_arrival(method: str, settings_of_ping: Settings) -> None:
    """With the method that it wants; without an address nobody is asked."""
    with web_sink() as web:
        there = {"canary_ping_url": SecretStr(web.url), "canary_ping_method": method}
        told = await Canary(None, settings_of_ping.model_copy(update=there)).ping()  # type: ignore[arg-type]
        # This stand-in answers 501 to a GET.
        assert told is (method == "POST")
        assert len(web.requests) == (1 if method == "POST" else 0)
    assert not await Canary(None, settings_of_ping).ping()  # type: ignore[arg-type]


@pytest.fixture
def settings_of_ping() -> Settings:
    """Settings without an address."""
    return Settings()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/s3cr3t-part", "s3cr3t-part", "http://s3cr3t-part:port/", "ftp://s3cr3t-part"]
)
async def test_a_ping_that_fails_is_logged_without_its_address(url: str, settings_of_ping: Settings) -> None:
    """It is a secret: who knows it can keep the switch quiet."""
    wrong = settings_of_ping.model_copy(update={"canary_ping_url": SecretStr(url)})
    with capture_logs() as logs:
        assert not await Canary(None, wrong).ping()  # type: ignore[arg-type]
    assert [line["event"] for line in logs] == ["the dead man's switch was not told of the canary"]
    assert "s3cr3t" not in str(logs)
    assert "s3cr3t" not in repr(wrong)
