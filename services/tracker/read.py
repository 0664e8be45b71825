"""Read incidents for people: lists, one with its versions, how many there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.tracker.tables import incident, incident_version, report
from shared.database import transaction
from shared.errors import Permanent

SHOWN = ("id", "kind", "state", "level", "peak", "headline", "country", "version", "silent", "opened_at", "changed_at")


async def list_incidents(engine: AsyncEngine, *, everything: bool) -> list[dict[str, Any]]:
    """List open incidents, the one that changed last first; `everything`: closed and retracted too."""
    query = select(*(incident.c[name] for name in SHOWN)).order_by(incident.c.changed_at.desc())
    if not everything:
        query = query.where(incident.c.state == "open")
    async with transaction(engine) as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def find_incident(connection: AsyncConnection, prefix: str) -> dict[str, Any]:
    """Return the incident whose id begins with `prefix`; raises Permanent where it is none or several."""
    query = select(incident).where(incident.c.id.startswith(prefix, autoescape=True)).limit(2)
    rows = (await connection.execute(query)).mappings().all()
    if not rows:
        raise Permanent(f"there is no incident {prefix!r}: see `codegrey incidents list --all`")
    if len(rows) > 1:
        raise Permanent(f"more than one incident begins with {prefix!r}: give more of the id")
    return dict(rows[0])


async def show_incident(engine: AsyncEngine, prefix: str) -> dict[str, Any]:
    """Return one incident with its versions, and the reports that were put to it."""
    async with transaction(engine) as connection:
        row = await find_incident(connection, prefix)
        versions = (
            select(incident_version.c.alert)
            .where(incident_version.c.incident_id == row["id"])
            .order_by(incident_version.c.version)
        )
        reports = (
            select(report.c.document, report.c.stands, report.c.outcome, report.c.reason)
            .where(report.c.incident_id == row["id"])
            .order_by(report.c.received_at)
        )
        shown = {name: row[name] for name in (*SHOWN, "facts", "retracted_at", "because")}
        shown["versions"] = list((await connection.execute(versions)).scalars())
        shown["reports"] = [
            {
                "entry_id": document["entry_id"],
                "title": document["title"],
                "url": document["url"],
                "source": document["source"] or document["feed"],
                "published": document["published"],
                "level": document["level"],
                "stands": stands,
                "outcome": outcome,
                "reason": reason,
            }
            for document, stands, outcome, reason in await connection.execute(reports)
        ]
        return shown


async def count_incidents(engine: AsyncEngine) -> dict[str, int]:
    """Count incidents by state."""
    query = select(incident.c.state, func.count()).group_by(incident.c.state)
    async with transaction(engine) as connection:
        return dict((await connection.execute(query)).tuples().all())
