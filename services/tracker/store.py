"""Write a batch: the lock and the inbox before it, everything that it changed after it.

All inside the caller's transaction and under the one lock, one statement for each table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, String, Text, bindparam, cast, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tracker.ledger import Dossier, Ledger, ReportEntry, Version
from services.tracker.tables import inbox, incident, incident_version, outbox, report
from shared.outbox import add_rows, outbox_row
from shared.topics import ALERTS

MAX_REASON = 2_000


async def take_lock(connection: AsyncConnection) -> datetime:
    """Hold the one lock of the tracker until the transaction ends: two spellings never open two incidents.

    Returns the database's time once it is held. Until then, too, indices are used wherever they can be: for
    the words of a whole batch the planner would rather read the table.
    """
    held = text(
        "SELECT set_config('enable_seqscan', 'off', true), "
        "pg_advisory_xact_lock(hashtext('codegrey.tracker')), clock_timestamp() AS now"
    )
    now: datetime = (await connection.execute(held)).one().now
    return now


async def take_in(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Write reports into the inbox; return those that were not there yet."""
    each = select(func.unnest(literal(sorted(set(ids)), ARRAY(String))))
    new = upsert(inbox).from_select(["report_id"], each).on_conflict_do_nothing().returning(inbox.c.report_id)
    return set((await connection.execute(new)).scalars())


async def write(connection: AsyncConnection, ledger: Ledger, now: datetime) -> None:
    """Write what the ledger holds: incidents before what refers to them, versions in the order they are told."""
    if ledger.changed:
        rows = [_incident_row(ledger.changed[one]) for one in sorted(ledger.changed)]
        await connection.execute(_WRITE_INCIDENT, rows)
    if ledger.reports:
        rows = [_report_row(entry, ledger.withdrawn.get(one), now) for one, entry in ledger.reports.items()]
        await connection.execute(_WRITE_REPORT, rows)
    before = [
        {"one": one, "why": why, "now": now} for one, why in ledger.withdrawn.items() if one not in ledger.reports
    ]
    if before:
        await connection.execute(_WITHDRAW, before)
    if ledger.versions:
        await connection.execute(_WRITE_VERSION, [_version_row(version) for version in ledger.versions])
        await add_rows(connection, outbox, [_message(version) for version in ledger.versions])


def _as_json(name: str) -> Any:
    """Pass a document that is written already."""
    return cast(bindparam(name, type_=Text), JSONB)


_INSERT_INCIDENT = upsert(incident).values(facts=_as_json("facts_"), known=_as_json("known_"))
# The entry that opened it stays its entry.
_WRITE_INCIDENT = _INSERT_INCIDENT.on_conflict_do_update(
    index_elements=[incident.c.id],
    set_={
        column.name: _INSERT_INCIDENT.excluded[column.name]
        for column in incident.c
        if column.name not in {"id", "entry_id", "opened_at"}
    },
)
_WRITE_REPORT = insert(report).values(document=_as_json("document_"))
_WRITE_VERSION = insert(incident_version).values(alert=_as_json("alert_"))
_WITHDRAW = (
    update(report)
    .where(report.c.id == bindparam("one"))
    .values(stands=False, outcome="withdrawn", reason=bindparam("why"), withdrawn_at=bindparam("now"))
)


def _incident_row(dossier: Dossier) -> dict[str, Any]:
    alert, known = dossier.last, dossier.known
    assert alert is not None, f"incident {dossier.id} has no version"
    return {
        "id": dossier.id,
        "entry_id": dossier.entry_id,
        "kind": alert.kind,
        "state": dossier.state,
        "version": alert.version,
        "level": alert.level,
        "peak": alert.peak,
        "headline": alert.headline,
        "country": next((victim.country for victim in alert.facts.victims if victim.country), None),
        "facts_": alert.facts.model_dump_json(),
        "known_": known.model_dump_json(),
        "words": dossier.words,
        "silent": dossier.silent,
        "first_published": known.first,
        "last_published": known.last,
        "opened_at": dossier.opened_at,
        "changed_at": alert.created_at,
        "retracted_at": known.retracted_at,
        "because": dossier.because,
    }


def _report_row(entry: ReportEntry, withdrawn: str | None, now: datetime) -> dict[str, Any]:
    one = entry.report
    return {
        "id": one.id,
        "entry_id": one.entry_id,
        "revision": one.revision,
        "judged_at": one.judged_at,
        "appended_at": entry.appended_at,
        "incident": one.incident,
        "outage": one.outage,
        "level": one.level,
        "document_": entry.document,
        "incident_id": entry.incident_id,
        "stands": entry.stands and withdrawn is None,
        "outcome": entry.outcome if withdrawn is None else "withdrawn",
        "reason": (withdrawn or entry.reason)[:MAX_REASON],
        "withdrawn_at": now if withdrawn else None,
    }


def _version_row(version: Version) -> dict[str, Any]:
    alert = version.alert
    return {
        "incident_id": alert.incident_id,
        "version": alert.version,
        "alert_id": alert.id,
        "reason": alert.reason.value,
        "report_id": version.report_id,
        "created_at": alert.created_at,
        "alert_": alert.model_dump_json(),
    }


def _message(version: Version) -> dict[str, Any]:
    alert = version.alert
    return outbox_row(ALERTS, alert, event_id=alert.id, source="tracker", time=alert.created_at, trace=version.trace)
