"""The tracker on a real PostgreSQL: nothing told twice, nothing lost, one incident for one attack."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.handle import handler
from services.tracker.read import count_incidents, list_incidents, show_incident
from services.tracker.retract import retract
from services.tracker.status import counts
from services.tracker.tables import METADATA, inbox, incident, incident_version, outbox
from services.tracker.tables import report as report_table
from services.tracker.why import reports as why
from shared.database import transaction
from shared.errors import Permanent
from shared.events import Alert, Arrival, Report, Status
from shared.signals import Signal
from shared.topics import ALERTS
from tests.tracker.reports import received, victim
from tests.tracker.reports import report as make

pytestmark = pytest.mark.servers
NOW = datetime.now(UTC)
VALMONT = "Centre hospitalier de Valmont"


def report(*args: Any, **more: Any) -> Report:
    """Make a report around the present moment."""
    return make(*args, now=NOW - timedelta(days=3), **more)


async def _handle(engine: AsyncEngine, *reports: Report) -> None:
    await handler(engine, asyncio.Event())(received(*reports))


async def _alerts(engine: AsyncEngine) -> list[Alert]:
    """Return what stands in the outbox, in order."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox.c.topic, outbox.c.value).order_by(outbox.c.id))).all()
    assert {row.topic for row in rows} <= {ALERTS}
    return [Alert.model_validate_json(row.value) for row in rows]


async def _told(engine: AsyncEngine) -> list[tuple[str, int]]:
    return [(alert.reason.value, alert.version) for alert in await _alerts(engine)]


async def _counts(engine: AsyncEngine) -> list[int | None]:
    async with transaction(engine) as connection:
        return [
            await connection.scalar(select(func.count()).select_from(table))
            for table in (inbox, report_table, incident, incident_version, outbox)
        ]


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
    await _handle(
        engine,
        first,
        report("hôpital de Valmont", Signal.EMERGENCY_CLOSED, day=0.2),
        report("CH Valmont", day=0.5, certainty="confirmed"),
        report(VALMONT, incident=False, title="Hospital of Valmont opens a new garden"),
        report("CH Valmont", day=1),
    )
    assert await _told(engine) == [("opened", 1), ("escalated", 2), ("confirmed", 3), ("updated", 4)]
    opened, *_, last = await _alerts(engine)
    assert opened.incident_id == last.incident_id
    assert (opened.level, last.level, last.peak) == (3, 4, 4)
    assert last.sources[0].url == first.url
    assert last.facts.victims[0].name == VALMONT
    assert (opened.entry_id, opened.silent, opened.arrival) == (first.entry_id, False, "live")


async def test_messages_continue_the_trace_of_their_report(engine: AsyncEngine) -> None:
    """One correlation id from feed to delivery."""
    one = report(VALMONT)
    await _handle(engine, one)
    async with transaction(engine) as connection:
        row = (await connection.execute(select(outbox))).mappings().one()
    headers = dict(row["headers"])
    alert = (await _alerts(engine))[0]
    assert headers["correlation_id"] == one.entry_id
    assert headers["traceparent"].split("-")[1] == one.entry_id
    assert (headers["ce_id"], headers["ce_source"]) == (alert.id, "/codegrey/tracker")
    assert row["key"] == alert.incident_id.encode()


async def test_redelivery_changes_nothing(engine: AsyncEngine) -> None:
    """The same batch again, in another order, and with doubles within."""
    batch = [report(VALMONT), report("CH Valmont", Signal.EMERGENCY_CLOSED, day=0.2), report("Clinique du Lac")]
    await _handle(engine, *batch, batch[0])
    before, told = await _counts(engine), await _told(engine)
    await _handle(engine, *reversed(batch))
    assert await _counts(engine) == before
    assert await _told(engine) == told


async def test_a_bad_batch_leaves_nothing_behind(engine: AsyncEngine) -> None:
    """The loop halves it: the good ones come again alone."""
    bad = report("Clinique du Lac").model_copy(update={"level": "not a number"})
    with pytest.raises(Exception, match="level"):
        await _handle(engine, report(VALMONT), bad)
    assert sum(count or 0 for count in await _counts(engine)) == 0


async def test_handlers_at_once_open_one_incident_for_two_spellings(engine: AsyncEngine) -> None:
    """The lock is global: partitions of two processes meet here."""
    spellings = [VALMONT, "CH Valmont", "hôpital de Valmont", "Valmont hospital", "Hospital Valmont", "Spital Valmont"]
    await asyncio.gather(*(_handle(engine, report(name, title=f"{name} {n}")) for n, name in enumerate(spellings)))
    assert len({alert.incident_id for alert in await _alerts(engine)}) == 1
    assert [version for _, version in await _told(engine)] == list(range(1, len(spellings) + 1))


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
    assert await _told(engine) == [("opened", 1)]
    await _handle(engine, one)
    assert await _told(engine) == [("opened", 1)]


async def test_a_revision_takes_the_place_of_the_report_before(engine: AsyncEngine) -> None:
    """Its evidence is withdrawn and told as a correction; a late first revision is only kept."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    second = report(VALMONT, Signal.PAPER_MODE, entry="a", revision=2)
    await _handle(engine, first)
    await _handle(engine, second)
    assert await _told(engine) == [("opened", 1), ("corrected", 2)]
    last = (await _alerts(engine))[-1]
    assert (last.level, last.peak) == (3, 3)
    third = report(VALMONT, Signal.PAPER_MODE, entry="a", revision=3)
    fourth = report(VALMONT, Signal.DEATH, entry="a", revision=4)
    await _handle(engine, fourth, third)
    assert len(await _told(engine)) == 3
    async with transaction(engine) as connection:
        query = select(report_table.c.revision).where(report_table.c.stands)
        assert list((await connection.execute(query)).scalars()) == [4]


async def test_a_newer_judge_supersedes_the_older_one(engine: AsyncEngine) -> None:
    """The same revision, judged again."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    again = report(VALMONT, entry="a", incident=False, judge="2", reason="an advertisement")
    again = again.model_copy(update={"judged_at": first.judged_at + timedelta(days=1)})
    await _handle(engine, first, again)
    assert await _told(engine) == [("opened", 1), ("retracted", 2)]
    assert (await _alerts(engine))[-1].note.endswith("an advertisement")


async def test_not_an_incident_after_all_withdraws_support_only_from_that_report(engine: AsyncEngine) -> None:
    """Another report still supports it; without that it is retracted, and opens again with a new one."""
    first = report(VALMONT, Signal.EMERGENCY_CLOSED, entry="a")
    other = report("CH Valmont", Signal.PAPER_MODE, entry="b", day=0.1)
    await _handle(engine, first, other)
    await _handle(engine, report(VALMONT, incident=False, entry="a", revision=2))
    assert (await _told(engine))[-1] == ("corrected", 3)
    await _handle(engine, report("CH Valmont", incident=False, entry="b", revision=2))
    assert (await _told(engine))[-1] == ("retracted", 4)
    assert await count_incidents(engine) == {"corrected": 1}
    await _handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, entry="c", day=1))
    assert (await _told(engine))[-1] == ("escalated", 5)
    assert await count_incidents(engine) == {"open": 1}


async def test_a_revision_that_names_another_hospital_leaves_its_incident(engine: AsyncEngine) -> None:
    """Both incidents are told: one loses a source, the other opens."""
    leipzig = victim("Universitätsklinikum Leipzig", "Leipzig", "DE")
    await _handle(engine, report(leipzig, entry="a"), report(leipzig, Signal.PAPER_MODE, entry="b"))
    moved = report(victim("Klinikum St. Georg", "Leipzig", "DE"), Signal.PAPER_MODE, entry="b", revision=2)
    await _handle(engine, moved)
    alerts = await _alerts(engine)
    assert len({alert.incident_id for alert in alerts}) == 2
    assert [alert.reason.value for alert in alerts[-2:]] == ["opened", "corrected"]
    assert alerts[-1].incident_id == alerts[0].incident_id


async def test_an_outage_becomes_an_attack_or_is_closed(engine: AsyncEngine) -> None:
    """With its history, or by a harmless cause told elsewhere."""
    await _handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, incident=False, outage=True))
    await _handle(engine, report("Clinique du Lac", Signal.PAPER_MODE, incident=False, outage=True))
    await _handle(engine, report("CH Valmont", day=1))
    harmless = "not an incident of care (lead:harmless “burst pipe” −1)"
    await _handle(engine, report("Clinique du Lac", incident=False, day=1, reason=harmless))
    alerts = await _alerts(engine)
    assert [(alert.kind, alert.reason.value, alert.level) for alert in alerts] == [
        ("outage", "opened", 4),
        ("outage", "opened", 3),
        ("incident", "escalated", 4),
        ("outage", "closed", 0),
    ]


async def test_old_news_opens_silently_and_fresh_news_of_it_does_not(engine: AsyncEngine) -> None:
    """And the arrival of the report is the alert's."""
    await _handle(engine, report(VALMONT, day=-20).model_copy(update={"arrival": Arrival.FIRST_CONTACT}))
    await _handle(engine, report("CH Valmont", Signal.EMERGENCY_CLOSED))
    old, fresh = await _alerts(engine)
    assert (old.silent, old.arrival) == (True, "first_contact")
    assert (fresh.silent, fresh.arrival, fresh.reason) == (False, "live", "escalated")
    assert [row["silent"] for row in await list_incidents(engine, everything=False)] == [False]


async def test_a_retold_attack_does_not_reopen_and_a_second_one_opens(engine: AsyncEngine) -> None:
    """Found by a word of its name, years later."""
    day = date(2024, 3, 1)
    then = (datetime(2024, 3, 2, tzinfo=UTC) - NOW).days
    await _handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, attack=day, day=then))
    await _handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED, attack=day, status=Status.PAST))
    assert len({alert.incident_id for alert in await _alerts(engine)}) == 1
    await _handle(engine, report(VALMONT, Signal.PAPER_MODE))
    assert len({alert.incident_id for alert in await _alerts(engine)}) == 2


async def test_a_person_retracts_and_it_stays_retracted(engine: AsyncEngine) -> None:
    """Later reports are put to it and tell nobody; a later attack opens anew; why says so."""
    await _handle(engine, report(VALMONT, Signal.EMERGENCY_CLOSED))
    incident_id = (await _alerts(engine))[0].incident_id
    with pytest.raises(Permanent, match="say why"):
        await retract(engine, incident_id[:8], " ")
    with pytest.raises(Permanent, match="no incident"):
        await retract(engine, "zz", "x")
    alert = await retract(engine, incident_id[:8], "an exercise")
    with pytest.raises(Permanent, match="retracted already: an exercise"):
        await retract(engine, incident_id, "again")
    assert (await _told(engine))[-1] == ("retracted", 2)
    assert alert.note == "an exercise"
    late = report("CH Valmont", Signal.DEATH, day=2)
    await _handle(engine, late)
    assert len(await _told(engine)) == 2
    steps, incidents = await why(engine, late.entry_id)
    assert incidents == [incident_id]
    assert "a person retracted it: an exercise" in steps[1].detail
    assert await list_incidents(engine, everything=False) == []
    tomorrow = (NOW + timedelta(days=1)).date()
    await _handle(engine, report(VALMONT, Signal.PAPER_MODE, attack=tomorrow, day=4))
    assert (await _told(engine))[-1] == ("opened", 1)


async def test_every_report_is_kept_and_says_why_nobody_was_told(engine: AsyncEngine) -> None:
    """Not an incident, too little to open one, superseded, opened."""
    nothing = report(VALMONT, incident=False, reason="a drill")
    nameless = report(None, level=1, title="A gang claims a clinic")
    opened = report(VALMONT, Signal.EMERGENCY_CLOSED)
    await _handle(engine, nothing, nameless, opened)
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
    await _handle(engine, report(VALMONT), report("CH Valmont", Signal.EMERGENCY_CLOSED, day=0.1))
    listed = await list_incidents(engine, everything=True)
    shown = await show_incident(engine, listed[0]["id"][:6])
    assert [version["reason"] for version in shown["versions"]] == ["opened", "escalated"]
    assert [one["outcome"] for one in shown["reports"]] == ["opened", "merged"]
    await _handle(engine, report("Clinique du Lac"))
    with pytest.raises(Permanent, match="more than one"):
        await show_incident(engine, "")


async def test_a_nul_in_a_feed_costs_no_alert(engine: AsyncEngine) -> None:
    """PostgreSQL's JSON cannot hold it: it is replaced."""
    await _handle(engine, report(VALMONT, title="Hospital\x00 hit", quote="the\x00 quote"))
    assert [alert.sources[0].title for alert in await _alerts(engine)] == ["Hospital\N{REPLACEMENT CHARACTER} hit"]


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
            await _handle(engine, report(name, day=day / 10, entry=f"{attack}{spelling}{day}", host=f"{day}.example"))
        async with transaction(engine) as connection:
            query = select(report_table.c.incident_id, report_table.c.entry_id)
            together: dict[str, set[str]] = {}
            for incident_id, entry_id in await connection.execute(query):
                together.setdefault(incident_id, set()).add(entry_id)
        groups.append({frozenset(one) for one in together.values()})
        assert len(together) == len({attack for attack, _, _ in picks})
    assert groups[0] == groups[1]
