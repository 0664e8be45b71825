"""An incident's history on a real PostgreSQL: revisions, outages, old news, retractions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.read import count_incidents, list_incidents
from services.tracker.retract import retract
from services.tracker.tables import report as report_table
from services.tracker.why import reports as why
from shared.database import transaction
from shared.errors import Permanent
from shared.events import Arrival, Status
from shared.signals import Signal
from tests.tracker.outcome import NOW, VALMONT, alerts_of, handle, report, told
from tests.tracker.reports import victim

pytestmark = pytest.mark.servers


async def test_a_revision_takes_the_place_of_the_report_before(engine: AsyncEngine) -> None:
    """Its evidence is withdrawn and told as a correction; a late first revision is only kept."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    second = report(VALMONT, Signal.PAPER_MODE, entry="a", revision=2)
    await handle(engine, first)
    await handle(engine, second)
    assert await told(engine) == [("opened", 1), ("corrected", 2)]
    last = (await alerts_of(engine))[-1]
    assert (last.level, last.peak) == (3, 3)
    third = report(VALMONT, Signal.PAPER_MODE, entry="a", revision=3)
    fourth = report(VALMONT, Signal.DEATH, entry="a", revision=4)
    await handle(engine, fourth, third)
    assert len(await told(engine)) == 3
    async with transaction(engine) as connection:
        query = select(report_table.c.revision).where(report_table.c.stands)
        assert list((await connection.execute(query)).scalars()) == [4]


async def test_a_newer_judge_supersedes_the_older_one(engine: AsyncEngine) -> None:
    """The same revision, judged again."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    again = report(VALMONT, entry="a", incident=False, judge="2", reason="an advertisement")
    again = again.model_copy(update={"judged_at": first.judged_at + timedelta(days=1)})
    await handle(engine, first, again)
    assert await told(engine) == [("opened", 1), ("retracted", 2)]
    assert (await alerts_of(engine))[-1].note.endswith("an advertisement")


async def test_not_an_incident_after_all_withdraws_support_only_from_that_report(engine: AsyncEngine) -> None:
    """Another report still supports it; without that it is retracted, and opens again with a new one."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    other = report("CH Valmont", Signal.PAPER_MODE, entry="b", day=0.1)
    await handle(engine, first, other)
    await handle(engine, report(VALMONT, incident=False, entry="a", revision=2))
    assert (await told(engine))[-1] == ("corrected", 3)
    await handle(engine, report("CH Valmont", incident=False, entry="b", revision=2))
    assert (await told(engine))[-1] == ("retracted", 4)
    assert await count_incidents(engine) == {"corrected": 1}
    await handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, entry="c", day=1))
    assert (await told(engine))[-1] == ("escalated", 5)
    assert await count_incidents(engine) == {"open": 1}


async def test_a_revision_that_names_another_hospital_leaves_its_incident(engine: AsyncEngine) -> None:
    """Both incidents are told: one loses a source, the other opens."""
    leipzig = victim("Universitätsklinikum Leipzig", "Leipzig", "DE")
    await handle(engine, report(leipzig, entry="a"), report(leipzig, Signal.PAPER_MODE, entry="b"))
    moved = report(victim("Klinikum St. Georg", "Leipzig", "DE"), Signal.PAPER_MODE, entry="b", revision=2)
    await handle(engine, moved)
    alerts = await alerts_of(engine)
    assert len({alert.incident_id for alert in alerts}) == 2
    assert [alert.reason.value for alert in alerts[-2:]] == ["opened", "corrected"]
    assert alerts[-1].incident_id == alerts[0].incident_id


async def test_an_outage_becomes_an_attack_or_is_closed(engine: AsyncEngine) -> None:
    """With its history, or by a harmless cause told elsewhere."""
    await handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, incident=False, outage=True))
    await handle(engine, report("Clinique du Lac", Signal.PAPER_MODE, incident=False, outage=True))
    await handle(engine, report("CH Valmont", day=1))
    harmless = "not an incident of care (lead:harmless “burst pipe” −1)"
    await handle(engine, report("Clinique du Lac", incident=False, day=1, reason=harmless))
    alerts = await alerts_of(engine)
    assert [(alert.kind, alert.reason.value, alert.level) for alert in alerts] == [
        ("outage", "opened", 4),
        ("outage", "opened", 3),
        ("incident", "escalated", 4),
        ("outage", "closed", 0),
    ]


async def test_old_news_opens_silently_and_fresh_news_of_it_does_not(engine: AsyncEngine) -> None:
    """And the arrival of the report is the alert's."""
    await handle(engine, report(VALMONT, day=-20).model_copy(update={"arrival": Arrival.FIRST_CONTACT}))
    await handle(engine, report("CH Valmont", Signal.EMERGENCY_CLOSED))
    old, fresh = await alerts_of(engine)
    assert (old.silent, old.arrival) == (True, "first_contact")
    assert (fresh.silent, fresh.arrival, fresh.reason) == (False, "live", "escalated")
    assert [row["silent"] for row in await list_incidents(engine, everything=False)] == [False]


async def test_a_retold_attack_does_not_reopen_and_a_second_one_opens(engine: AsyncEngine) -> None:
    """Found by a word of its name, years later."""
    day = date(2024, 3, 1)
    then = (datetime(2024, 3, 2, tzinfo=UTC) - NOW).days
    await handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, attack=day, day=then))
    await handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, attack=day, status=Status.PAST))
    assert len({alert.incident_id for alert in await alerts_of(engine)}) == 1
    await handle(engine, report(VALMONT, Signal.PAPER_MODE))
    assert len({alert.incident_id for alert in await alerts_of(engine)}) == 2


async def test_a_person_retracts_and_it_stays_retracted(engine: AsyncEngine) -> None:
    """Later reports are put to it and tell nobody; a later attack opens anew; why says so."""
    await handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED))
    incident_id = (await alerts_of(engine))[0].incident_id
    with pytest.raises(Permanent, match="say why"):
        await retract(engine, incident_id[:8], " ")
    with pytest.raises(Permanent, match="no incident"):
        await retract(engine, "zz", "x")
    alert = await retract(engine, incident_id[:8], "an exercise")
    with pytest.raises(Permanent, match="retracted already: an exercise"):
        await retract(engine, incident_id, "again")
    assert (await told(engine))[-1] == ("retracted", 2)
    assert alert.note == "an exercise"
    late = report("CH Valmont", Signal.DEATH, day=2)
    await handle(engine, late)
    assert len(await told(engine)) == 2
    steps, incidents = await why(engine, late.entry_id)
    assert incidents == [incident_id]
    assert "a person retracted it: an exercise" in steps[1].detail
    assert await list_incidents(engine, everything=False) == []
    tomorrow = (NOW + timedelta(days=1)).date()
    await handle(engine, report(VALMONT, Signal.PAPER_MODE, attack=tomorrow, day=4))
    assert (await told(engine))[-1] == ("opened", 1)
