"""The tracker on a real PostgreSQL: nothing told twice, nothing lost, one incident for one attack."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.read import list_incidents, show_incident
from services.tracker.status import counts
from services.tracker.tables import METADATA, outbox
from services.tracker.tables import report as report_table
from services.tracker.why import reports as why
from shared.database import transaction
from shared.errors import Permanent
from shared.signals import Signal
from tests.tracker.outcome import VALMONT, alerts_of, count_rows, handle, report, told

pytestmark = pytest.mark.servers


async def test_the_migrations_make_the_tables_that_the_code_knows(engine: AsyncEngine) -> None:
    """Autogenerate finds no difference."""

    def differences(connection: Connection) -> list[Any]:
        def ours(name: str | None, kind: str, _parents: object) -> bool:
            return name == "tracker" if kind == "schema" else name != "migration"

        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": ours,
                "version_table": "migration",
                "version_table_schema": "tracker",
            },
        )
        return compare_metadata(context, METADATA)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_reports_of_one_attack_become_one_incident_with_its_versions(engine: AsyncEngine) -> None:
    """Opened, escalated, confirmed, updated: each a message with the whole snapshot."""
    first = report(VALMONT, Signal.PAPER_MODE)
    await handle(
        engine,
        first,
        report("hôpital de Valmont", Signal.EMERGENCY_CLOSED, day=0.2),
        report("CH Valmont", day=0.5, certainty="confirmed"),
        report(VALMONT, incident=False, title="Hospital of Valmont opens a new garden"),
        report("CH Valmont", day=1),
    )
    assert await told(engine) == [("opened", 1), ("escalated", 2), ("confirmed", 3), ("updated", 4)]
    opened, *_, last = await alerts_of(engine)
    assert opened.incident_id == last.incident_id
    assert (opened.level, last.level, last.peak) == (3, 4, 4)
    assert last.sources[0].url == first.url
    assert last.facts.victims[0].name == VALMONT
    assert (opened.entry_id, opened.silent, opened.arrival) == (first.entry_id, False, "live")


async def test_messages_continue_the_trace_of_their_report(engine: AsyncEngine) -> None:
    """One correlation id from feed to delivery."""
    one = report(VALMONT)
    await handle(engine, one)
    async with transaction(engine) as connection:
        row = (await connection.execute(select(outbox))).mappings().one()
    headers = dict(row["headers"])
    alert = (await alerts_of(engine))[0]
    assert headers["correlation_id"] == one.entry_id
    assert headers["traceparent"].split("-")[1] == one.entry_id
    assert (headers["ce_id"], headers["ce_source"]) == (alert.id, "/codegrey/tracker")
    assert row["key"] == alert.incident_id.encode()


async def test_redelivery_changes_nothing(engine: AsyncEngine) -> None:
    """The same batch again, in another order, and with doubles within."""
    batch = [report(VALMONT), report("CH Valmont", Signal.EMERGENCY_CLOSED, day=0.2), report("Clinique du Lac")]
    await handle(engine, *batch, batch[0])
    before, versions = await count_rows(engine), await told(engine)
    await handle(engine, *reversed(batch))
    assert await count_rows(engine) == before
    assert await told(engine) == versions


async def test_a_bad_batch_leaves_nothing_behind(engine: AsyncEngine) -> None:
    """The loop halves it: the good ones come again alone."""
    bad = report("Clinique du Lac").model_copy(update={"level": "not a number"})
    with pytest.raises(Exception, match="level"):
        await handle(engine, report(VALMONT), bad)
    assert sum(count or 0 for count in await count_rows(engine)) == 0


async def test_handlers_at_once_open_one_incident_for_two_spellings(engine: AsyncEngine) -> None:
    """The lock is global: partitions of two processes meet here."""
    spellings = [VALMONT, "CH Valmont", "hôpital de Valmont", "Valmont hospital", "Hospital Valmont", "Spital Valmont"]
    await asyncio.gather(*(handle(engine, report(name, title=f"{name} {n}")) for n, name in enumerate(spellings)))
    assert len({alert.incident_id for alert in await alerts_of(engine)}) == 1
    assert [version for _, version in await told(engine)] == list(range(1, len(spellings) + 1))


async def test_a_crash_after_the_commit_repeats_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    """Killed between commit and acknowledgement, the report comes again to the next process."""
    wanted = tmp_path / "crash"
    wanted.write_text("tracker-between-commit-and-ack")
    one = report(VALMONT)
    program = (
        "import asyncio, sys\n"
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        "from services.tracker.handle import handler\n"
        "from shared.events import Report\n"
        "from tests.tracker.reports import received\n"
        "async def main():\n"
        "    engine = create_async_engine(sys.argv[1])\n"
        "    await handler(engine, asyncio.Event())(received(Report.model_validate_json(sys.stdin.read())))\n"
        "asyncio.run(main())\n"
    )
    address = engine.url.render_as_string(hide_password=False)
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, address],
        input=one.model_dump_json().encode(),
        env={**os.environ, "CODEGREY_CRASH_FILE": str(wanted)},
        capture_output=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert await told(engine) == [("opened", 1)]
    await handle(engine, one)
    assert await told(engine) == [("opened", 1)]


async def test_every_report_is_kept_and_says_why_nobody_wastold(engine: AsyncEngine) -> None:
    """Not an incident, too little to open one, superseded, opened."""
    nothing = report(VALMONT, incident=False, reason="a drill")
    nameless = report(None, level=1, title="A gang claims a clinic")
    opened = report(VALMONT, Signal.EMERGENCY_CLOSED)
    await handle(engine, nothing, nameless, opened)
    assert [(step.part, step.outcome) for step in (await why(engine, nothing.entry_id))[0]] == [
        ("classifier", "judged: not an incident"),
        ("tracker", "kept, not an incident"),
    ]
    steps, incidents = await why(engine, nameless.entry_id)
    assert (steps[1].outcome, incidents) == ("kept, names nobody", [])
    steps, incidents = await why(engine, opened.entry_id)
    assert steps[0].outcome == "judged: incident, level 4 (critical)"
    assert steps[1].outcome == "opened an incident"
    assert len(incidents) == 1
    assert await why(engine, "f" * 32) == ([], [])
    assert await counts(engine) == {"reports": 3, "waiting": 1, "incidents_open": 1}


async def test_an_incident_is_shown_with_versions_and_reports(engine: AsyncEngine) -> None:
    """By the beginning of its id."""
    await handle(engine, report(VALMONT), report("CH Valmont", Signal.EMERGENCY_CLOSED, day=0.1))
    listed = await list_incidents(engine, everything=True)
    shown = await show_incident(engine, listed[0]["id"][:6])
    assert [version["reason"] for version in shown["versions"]] == ["opened", "escalated"]
    assert [one["outcome"] for one in shown["reports"]] == ["opened", "merged"]
    await handle(engine, report("Clinique du Lac"))
    with pytest.raises(Permanent, match="more than one"):
        await show_incident(engine, "")


async def test_a_nul_in_a_feed_costs_no_alert(engine: AsyncEngine) -> None:
    """PostgreSQL's JSON cannot hold it: it is replaced."""
    await handle(engine, report(VALMONT, title="Hospital\x00 hit", quote="the\x00 quote"))
    assert [alert.sources[0].title for alert in await alerts_of(engine)] == ["Hospital\N{REPLACEMENT CHARACTER} hit"]


_ATTACKS = [
    [VALMONT, "CH Valmont", "hôpital de Valmont"],
    ["Clinique du Lac Dourville", "Clinique du Lac, Dourville", "clinique du Lac"],
    ["Universitätsklinikum Bornheim", "Uniklinik Bornheim", "University Hospital Bornheim"],
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=8, unique=True
    ).flatmap(lambda picks: st.tuples(st.just(picks), st.permutations(picks + picks[:3])))
)
async def test_order_and_repetition_never_change_which_reports_belong_together(
    engine: AsyncEngine, drawn: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]
) -> None:
    """The same reports in any order, some of them twice, give the same incidents."""
    groups = []
    for picks in drawn:
        async with transaction(engine) as connection:
            await connection.execute(text("TRUNCATE tracker.incident, tracker.report, tracker.inbox CASCADE"))
        for attack, spelling, day in picks:
            name = _ATTACKS[attack][spelling]
            await handle(engine, report(name, day=day / 10, entry=f"{attack}{spelling}{day}", host=f"{day}.example"))
        async with transaction(engine) as connection:
            query = select(report_table.c.incident_id, report_table.c.entry_id)
            together: dict[str, set[str]] = {}
            for incident_id, entry_id in await connection.execute(query):
                together.setdefault(incident_id, set()).add(entry_id)
        groups.append({frozenset(one) for one in together.values()})
        assert len(together) == len({attack for attack, _, _ in picks})
    assert groups[0] == groups[1]
