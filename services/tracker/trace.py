"""When a report was judged, taken in by Kafka and merged: the tracker's part of `codegrey trace`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.tables import incident, incident_version, report
from shared.database import transaction
from shared.errors import Permanent


@dataclass(frozen=True)
class FiledReport:
    """A report as the tracker has it on file, with its moments."""

    id: str
    entry_id: str
    revision: int
    incident_id: str | None
    outcome: str
    reason: str
    item_appended_at: datetime | None
    """When Kafka took in the item that was judged."""
    judged_at: datetime
    appended_at: datetime | None
    """When Kafka took in the report."""
    merged_at: datetime


@dataclass(frozen=True)
class ToldVersion:
    """A version of an incident; `report_id` is what brought it, None where a person did."""

    incident_id: str
    version: int
    alert_id: str
    reason: str
    headline: str
    report_id: str | None
    created_at: datetime


async def reports_on(engine: AsyncEngine, entry_ids: Collection[str]) -> list[FiledReport]:
    """Return the reports on these entries, oldest first."""
    return await _reports(engine, report.c.entry_id.in_(entry_ids)) if entry_ids else []


async def reports_named(engine: AsyncEngine, ids: Collection[str]) -> list[FiledReport]:
    """Return the reports of these ids, oldest first."""
    return await _reports(engine, report.c.id.in_(ids)) if ids else []


async def versions_of(engine: AsyncEngine, incidents: Collection[str]) -> list[ToldVersion]:
    """Return every version of these incidents, in order."""
    return await _versions(engine, incident_version.c.incident_id.in_(incidents)) if incidents else []


async def versions_named(engine: AsyncEngine, prefix: str) -> list[ToldVersion]:
    """Return the versions that an id, or its beginning, names: one alert's, or all of an incident's.

    Raises Permanent where it names none, or more than one alert or incident.
    """
    async with transaction(engine) as connection:
        alerts = select(incident_version.c.alert_id).where(_begins(incident_version.c.alert_id, prefix)).limit(2)
        incidents = select(incident.c.id).where(_begins(incident.c.id, prefix)).limit(2)
        named = [
            *((incident_version.c.alert_id == one) for one in (await connection.execute(alerts)).scalars()),
            *((incident_version.c.incident_id == one) for one in (await connection.execute(incidents)).scalars()),
        ]
    if not named:
        raise Permanent(f"there is no alert or incident {prefix!r}: see `codegrey incidents list --all`")
    if len(named) > 1:
        raise Permanent(f"more than one alert or incident begins with {prefix!r}: give more of the id")
    return await _versions(engine, named[0])


def _begins(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    return column.startswith(prefix, autoescape=True)


async def _reports(engine: AsyncEngine, which: ColumnElement[bool]) -> list[FiledReport]:
    moment = report.c.document["item_appended_at"].astext
    query = select(report, moment.label("item_appended_at")).where(which).order_by(report.c.received_at)
    async with transaction(engine) as connection:
        return [_filed(row) for row in (await connection.execute(query)).mappings()]


def _filed(row: Mapping[Any, Any]) -> FiledReport:
    appended = row["item_appended_at"]
    return FiledReport(
        row["id"],
        row["entry_id"],
        row["revision"],
        row["incident_id"],
        row["outcome"],
        row["reason"],
        datetime.fromisoformat(appended) if appended else None,
        row["judged_at"],
        row["appended_at"],
        row["received_at"],
    )


async def _versions(engine: AsyncEngine, which: ColumnElement[bool]) -> list[ToldVersion]:
    known = incident_version.c
    query = (
        select(*(known[name] for name in ("incident_id", "version", "alert_id", "reason")))
        .add_columns(known.alert["headline"].astext, known.report_id, known.created_at)
        .where(which)
        .order_by(known.created_at, known.version)
    )
    async with transaction(engine) as connection:
        return [ToldVersion(*row) for row in (await connection.execute(query)).all()]
