"""What came of a send is written for that send alone, whatever servers answer and clocks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier import deliver as deliver_module
from services.notifier.deliver import Deliverer
from services.notifier.handle import Handler
from services.notifier.outcome import Outcome, Result
from services.notifier.tables import delivery
from shared.settings import Settings
from tests.notifier.alert_samples import alert, received, subscriptions
from tests.notifier.notifier_sinks import mail_sink
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


class Sends:
    """Stand in for sending: each call waits until it is let go, and then ends as a test says."""

    def __init__(self, *outcomes: Result) -> None:
        self.outcomes = outcomes
        self.marked: list[bool] = []
        self.gates = [asyncio.Event() for _ in outcomes]

    async def __call__(self, *_what: Any, possible_repeat: bool, **_how: Any) -> Outcome:
        """Remember whether the message was marked."""
        number = len(self.marked)
        self.marked.append(possible_repeat)
        await self.gates[number].wait()
        return Outcome(self.outcomes[number], "as told")


@pytest.fixture(autouse=True)
async def _since_long_ago(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    monkeypatch.setattr(deliver_module, "CARE_EVERY_S", 0.0)


@asynccontextmanager
async def _delivering(engine: AsyncEngine, settings: Settings, *numbers: int) -> AsyncIterator[Deliverer]:
    wake = asyncio.Event()
    await Handler(engine, subscriptions, wake)(received(*map(alert, numbers)))
    deliverer = Deliverer(engine, settings, subscriptions, wake)
    task = asyncio.create_task(deliverer.run())
    try:
        yield deliverer
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _rows(engine: AsyncEngine) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(delivery).order_by(delivery.c.seq))).all()


async def _become(engine: AsyncEngine, *states: str) -> None:
    async def reached() -> bool:
        return [row.state for row in await _rows(engine)] == list(states)

    await wait_until(reached, within=15, what=f"deliveries reach {states}")


async def _turns(deliverer: Deliverer, count: int = 3) -> None:
    for _ in range(count):
        last = deliverer.last_turn
        deliverer.wake.set()
        await wait_until(lambda last=last: deliverer.last_turn > last, what="another turn")


async def test_an_answer_that_no_database_takes_keeps_no_outcome_from_being_written(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Write a refusal with a NUL in it, and go on."""
    with mail_sink(answer="554 not\x00this") as sink:
        async with _delivering(engine, sink.settings(settings), 1) as deliverer:
            await _become(engine, "failed")
            sink.answer = "250 kept"
            await Handler(engine, subscriptions, deliverer.wake)(received(alert(2)))
            await _become(engine, "failed", "sent")
        assert "554 not\N{REPLACEMENT CHARACTER}this" in (await _rows(engine))[0].last_error
        assert len(sink.mails) == 1


async def test_a_clock_that_jumps_past_the_lease_repeats_nothing_that_is_in_hand(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wait for a send that this process knows of, though its lease counts as over."""
    sends = Sends(Result.SENT, Result.SENT)
    monkeypatch.setattr(deliver_module, "send", sends)
    async with _delivering(engine, settings, 1) as deliverer:
        await wait_until(lambda: sends.marked)
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE notifier.delivery SET lease_until = lease_until - interval '1 hour'"))
        await _turns(deliverer)
        sends.gates[0].set()
        await _become(engine, "sent")
    assert sends.marked == [False]
    assert not (await _rows(engine))[0].possible_repeat


async def test_the_outcome_of_an_attempt_that_was_given_up_is_not_written_over_the_next(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have a row settled by another process, claimed here again, and only then the first attempt fail."""
    sends = Sends(Result.NOT_SENT, Result.SENT, Result.SENT)
    monkeypatch.setattr(deliver_module, "send", sends)
    async with _delivering(engine, settings, 1) as deliverer:
        await wait_until(lambda: sends.marked)
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE notifier.delivery SET state = 'queued', repeats = 1, possible_repeat = true, "
                    "next_try_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL"
                )
            )
        await wait_until(lambda: len(sends.marked) == 2, what="the second attempt")
        sends.gates[0].set()
        await _turns(deliverer)
        assert [row.state for row in await _rows(engine)] == ["sending"]
        sends.gates[1].set()
        await _become(engine, "sent")
    assert sends.marked == [False, True]
