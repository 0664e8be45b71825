"""A batch in one transaction does what its reports one by one do, however it is read and written."""

from __future__ import annotations

import random
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.read_batch import open_ledger
from services.tracker.tables import incident
from services.tracker.tables import report as report_table
from services.tracker.take import Arrived
from shared.database import transaction
from shared.events import Report, Status
from shared.headers import Trace
from shared.signals import Signal
from tests.tracker.outcome import VALMONT, alerts_of, handle, report
from tests.tracker.reports import victim

pytestmark = pytest.mark.servers

_SUPPLIER = {"suppliers": ("Meridia Pathology",)}
_NEWS = [
    report(VALMONT, Signal.PAPER_MODE, entry="first"),
    report("CH Valmont", Signal.EMERGENCY_CLOSED, day=0.2, entry="second"),
    report("CHV", day=0.3, entry="acronym"),
    report(VALMONT, incident=False, entry="drill", reason="a drill"),
    report(None, level=1, title="A gang claims to have been inside a clinic", entry="claim"),
    report(victim("", "Valmont"), Signal.PAPER_MODE, day=0.4, entry="town"),
    report("Clinique du Lac", Signal.PAPER_MODE, incident=False, outage=True, entry="outage"),
    report("Clinique du Lac", incident=False, day=0.5, entry="pipe", reason="harmless cause stated"),
    report("Saint Mary Hospital", Signal.SURGERY_CANCELLED, entry="mary", **_SUPPLIER),
    report("Northfield Infirmary", Signal.SURGERY_CANCELLED, day=0.1, entry="north", **_SUPPLIER),
    report("Ospedale civile di Bellacosta", Signal.DEATH, day=-400, attack=date(2025, 9, 1), entry="old"),
    report("Ospedale civile di Bellacosta", attack=date(2025, 9, 1), status=Status.PAST, entry="retold"),
    report("Ospedale civile di Bellacosta", Signal.PAPER_MODE, entry="anew"),
    report(VALMONT, Signal.CRISIS_PLAN, entry="first", revision=2),
    report("Hôpital de Dourville", Signal.PAPER_MODE, entry="second", revision=2),
    report(VALMONT, Signal.PAPER_MODE, entry="first", revision=1, judge="0"),
    report("Saint Mary Hospital", incident=False, entry="mary", revision=2, reason="a mistake"),
]


async def _outcome(engine: AsyncEngine) -> tuple[list[Any], list[Any], list[Any]]:
    """Return everything that was written but moments, then forget it."""
    told = [one.model_dump(exclude={"created_at", "opened_at"}) for one in await alerts_of(engine)]
    kept = (report_table.c.id, report_table.c.incident_id, report_table.c.stands, report_table.c.outcome)
    columns = [column for column in incident.c if column.name not in {"opened_at", "changed_at"}]
    async with transaction(engine) as connection:
        reports = (await connection.execute(select(*kept, report_table.c.reason).order_by(report_table.c.id))).all()
        incidents = (await connection.execute(select(*columns).order_by(incident.c.id))).all()
        await connection.execute(
            text("TRUNCATE tracker.incident, tracker.report, tracker.inbox, tracker.outbox CASCADE")
        )
    return told, [tuple(row) for row in reports], [tuple(row) for row in incidents]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
async def test_a_batch_does_what_its_reports_one_by_one_do(engine: AsyncEngine, seed: int | None) -> None:
    """Versions and their order, incidents, reports with their reasons; whole, in pieces, and one by one."""
    news = list(_NEWS)
    if seed is not None:
        random.Random(seed).shuffle(news)
    for one in news:
        await handle(engine, one)
    singly = await _outcome(engine)
    await handle(engine, *news)
    assert await _outcome(engine) == singly
    for start in range(0, len(news), 5):
        await handle(engine, *news[start : start + 5])
    assert await _outcome(engine) == singly


async def test_what_is_read_for_a_batch_holds_every_candidate_of_each_report(engine: AsyncEngine) -> None:
    """Read for one report or for many, each has the same candidates."""
    await handle(engine, *_NEWS)
    arrived = [Arrived.of(one, "", Trace.start(one.entry_id)) for one in _asking()]
    wanted = [one.wanted for one in arrived if one.wanted]
    async with transaction(engine) as connection:
        together = await open_ledger(connection, [], wanted)
        everything = set((await connection.execute(select(incident.c.id))).scalars())
        for one in wanted:
            alone = await open_ledger(connection, [], [one])
            assert alone.candidates(one) == together.candidates(one)
    assert {known.id for one in wanted for known in together.candidates(one)} == everything


def _asking() -> list[Report]:
    return [
        report("CHV", Signal.PAPER_MODE, day=1),
        report("Hopital de Dourvile", Signal.PAPER_MODE, day=1),
        report(None, day=1, title="A clinic was attacked"),
        report("Ospedale civile di Bellacosta", Signal.PAPER_MODE, attack=date(2025, 9, 2)),
        report("Clinique du Lac", Signal.PAPER_MODE, day=1),
        report("A Third House", day=1, **_SUPPLIER),
    ]


async def test_incidents_kept_from_before_get_the_marks_of_their_countries(engine: AsyncEngine) -> None:
    """The migration adds what later code looks for."""
    migration = import_module("services.tracker.migrations.versions.0002_words_at_once")
    await handle(engine, report(VALMONT), report(victim("Clinique du Lac", country=None)))
    async with transaction(engine) as connection:
        query = select(incident.c.words).order_by(incident.c.id)
        before = [sorted(words) for words in (await connection.execute(query)).scalars()]
        strip = "UPDATE tracker.incident SET words = ARRAY(SELECT w FROM unnest(words) w WHERE w NOT LIKE '@%')"
        await connection.execute(text(strip))
        await connection.exec_driver_sql(migration.MARK_COUNTRIES)
        assert [sorted(words) for words in (await connection.execute(query)).scalars()] == before
