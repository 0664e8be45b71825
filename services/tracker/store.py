"""Read and write incidents and reports, inside the caller's transaction and under the one lock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tracker.keys import NAMELESS as NAMELESS_KEY
from services.tracker.keys import exact_keys, is_specific, spelling_keys, stored_keys
from services.tracker.known import Known
from services.tracker.merge import NAMELESS
from services.tracker.reading import moment_of
from services.tracker.tables import inbox, incident, incident_version, outbox, report
from shared.events import Alert, Report
from shared.headers import Trace
from shared.outbox import add_rows, outbox_row
from shared.topics import ALERTS

NEAR = timedelta(days=60)
"""How near in time an incident must be to be found by another spelling."""


async def take_lock(connection: AsyncConnection) -> None:
    """Hold the one lock of the tracker until the transaction ends: two spellings never open two incidents."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('codegrey.tracker'))"))


async def take_in(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Write reports into the inbox; return those that were not there yet."""
    rows = [{"report_id": one} for one in dict.fromkeys(ids)]
    new = upsert(inbox).on_conflict_do_nothing().returning(inbox.c.report_id)
    return set((await connection.execute(new, rows)).scalars()) if rows else set()


async def reports_of_entry(connection: AsyncConnection, entry_id: str) -> list[tuple[Report, str | None, bool]]:
    """Return the earlier reports on an entry, each with its incident and whether it stands."""
    query = select(report.c.document, report.c.incident_id, report.c.stands).where(report.c.entry_id == entry_id)
    return [
        (Report.model_validate(document), incident_id, stands)
        for document, incident_id, stands in await connection.execute(query)
    ]


async def standing_reports(connection: AsyncConnection, incident_id: str) -> list[Report]:
    """Return the reports that an incident rests on."""
    query = select(report.c.document).where(report.c.incident_id == incident_id, report.c.stands)
    return [Report.model_validate(document) for document in (await connection.execute(query)).scalars()]


async def candidates_for(connection: AsyncConnection, one: Report) -> list[Known]:
    """Return the incidents that a report might belong to.

    With a word in common at any time; with a spelling in common around its time; and where one of the two
    names nobody, all of its days.
    """
    exact = exact_keys(one.facts.victims, one.facts.suppliers)
    where = [
        incident.c.words.overlap(sorted(exact)),
        and_(_within(one, NEAR), incident.c.words.overlap(sorted(spelling_keys(exact)))),
    ]
    days = _within(one, NAMELESS)
    specific = any(is_specific(victim) for victim in one.facts.victims)
    where.append(and_(days, incident.c.words.contains([NAMELESS_KEY])) if specific else days)
    query = select(incident.c.known).where(or_(*where))
    return [Known.model_validate(known) for known in (await connection.execute(query)).scalars()]


def _within(one: Report, time: timedelta) -> ColumnElement[bool]:
    moment = moment_of(one)
    return and_(incident.c.last_published >= moment - time, incident.c.first_published <= moment + time)


async def withdraw(connection: AsyncConnection, ids: Sequence[str], why: str) -> None:
    """Take back the support of reports that a later one on the same entry replaces."""
    if ids:
        values = {"stands": False, "withdrawn_at": func.clock_timestamp(), "outcome": "withdrawn", "reason": why}
        await connection.execute(update(report).where(report.c.id.in_(ids)).values(values))


async def write_report(
    connection: AsyncConnection, one: Report, *, incident_id: str | None, stands: bool, outcome: str, reason: str
) -> None:
    """Keep a report as it was received, with what became of it."""
    await connection.execute(
        insert(report).values(
            id=one.id,
            entry_id=one.entry_id,
            revision=one.revision,
            judged_at=one.judged_at,
            incident=one.incident,
            outage=one.outage,
            level=one.level,
            document=one.model_dump(mode="json"),
            incident_id=incident_id,
            stands=stands,
            outcome=outcome,
            reason=reason[:2_000],
        )
    )


async def read_incident(connection: AsyncConnection, incident_id: str) -> dict[str, Any] | None:
    """Return an incident's row, or None."""
    row = (await connection.execute(select(incident).where(incident.c.id == incident_id))).mappings().first()
    return dict(row) if row else None


async def last_alert(connection: AsyncConnection, incident_id: str) -> Alert | None:
    """Return the last version as it was told."""
    query = (
        select(incident_version.c.alert)
        .where(incident_version.c.incident_id == incident_id)
        .order_by(incident_version.c.version.desc())
        .limit(1)
    )
    document = await connection.scalar(query)
    return Alert.model_validate(document) if document else None


async def write_incident(
    connection: AsyncConnection, alert: Alert, state: str, known: Known, *, because: str = ""
) -> None:
    """Write what an incident is now."""
    countries = [victim.country for victim in alert.facts.victims if victim.country]
    values = {
        "entry_id": alert.entry_id,
        "kind": alert.kind,
        "state": state,
        "version": alert.version,
        "level": alert.level,
        "peak": alert.peak,
        "headline": alert.headline,
        "country": countries[0] if countries else None,
        "facts": alert.facts.model_dump(mode="json"),
        "known": known.model_dump(mode="json"),
        "words": stored_keys(known.victims, known.suppliers),
        "silent": alert.silent,
        "first_published": known.first,
        "last_published": known.last,
        "opened_at": alert.opened_at,
        "changed_at": alert.created_at,
        "retracted_at": known.retracted_at,
        "because": because,
    }
    # The entry that opened it stays its entry; it is silent as long as every version was.
    changed = {name: value for name, value in values.items() if name not in {"entry_id", "silent", "opened_at"}}
    changed["silent"] = and_(incident.c.silent, literal(alert.silent))
    statement = upsert(incident).values(id=alert.incident_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[incident.c.id], set_=changed))


async def write_known(connection: AsyncConnection, known: Known) -> None:
    """Keep what matching needs, where nothing else changed."""
    values = {
        "known": known.model_dump(mode="json"),
        "words": stored_keys(known.victims, known.suppliers),
        "first_published": known.first,
        "last_published": known.last,
    }
    await connection.execute(update(incident).where(incident.c.id == known.id).values(values))


async def write_version(connection: AsyncConnection, alert: Alert, report_id: str | None, trace: Trace) -> None:
    """Write a new version and, beside it, the message that tells of it."""
    await connection.execute(
        insert(incident_version).values(
            incident_id=alert.incident_id,
            version=alert.version,
            alert_id=alert.id,
            reason=alert.reason.value,
            report_id=report_id,
            created_at=alert.created_at,
            alert=alert.model_dump(mode="json"),
        )
    )
    row = outbox_row(ALERTS, alert, event_id=alert.id, source="tracker", time=alert.created_at, trace=trace)
    await add_rows(connection, outbox, [row])
