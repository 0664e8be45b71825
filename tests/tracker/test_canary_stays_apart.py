"""A canary's report becomes an alert and leaves nothing else behind."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.read import list_incidents
from shared import canary
from shared.signals import Signal
from tests.tracker.outcome import VALMONT, alerts_of, count_rows, handle, report

pytestmark = pytest.mark.servers


async def test_a_canary_becomes_an_alert_that_is_marked_and_no_incident(engine: AsyncEngine) -> None:
    """Also where it comes twice: the alert has the same id."""
    one = report(VALMONT, Signal.EMERGENCY_CLOSED).model_copy(update={"feed": canary.FEED})
    await handle(engine, one)
    await handle(engine, one)
    first, again = await alerts_of(engine)
    assert first.id == again.id
    assert first.canary
    assert first.first_published == one.published
    assert await list_incidents(engine, everything=True) == []
    assert await count_rows(engine) == [0, 0, 0, 0, 2]


async def test_a_canary_never_meets_a_real_incident_even_in_one_batch(engine: AsyncEngine) -> None:
    """Not as the first, not as the second, not under the same name."""
    real, later = report(VALMONT, Signal.EMERGENCY_CLOSED), report(VALMONT, day=0.5, entry="later")
    sings = report(VALMONT, Signal.PAPER_MODE, entry="sings").model_copy(update={"feed": canary.FEED})
    await handle(engine, sings, real, sings.model_copy(update={"id": "1" * 32}), later)
    (incident,) = await list_incidents(engine, everything=True)
    real_ones = [alert for alert in await alerts_of(engine) if not alert.canary]
    assert {alert.incident_id for alert in real_ones} == {incident["id"]}
    assert {source.url for alert in real_ones for source in alert.sources} == {real.url, later.url}


async def test_the_words_of_a_stranger_make_no_canary(engine: AsyncEngine) -> None:
    """Only ingest's own configuration names the feed: an attack cannot be hidden so."""
    forged = report(VALMONT, Signal.EMERGENCY_CLOSED, title=f"{canary.NAME} {canary.FEED}")
    await handle(engine, forged.model_copy(update={"url": canary.FEED, "source": canary.NAME}))
    assert [alert.canary for alert in await alerts_of(engine)] == [False]
