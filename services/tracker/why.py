"""What became of an entry's reports: judged so, merged there, for these reasons."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.tables import incident, outbox, report
from shared.database import transaction
from shared.signals import LEVEL_NAMES
from shared.topics import ALERTS
from shared.why import Step

_OUTCOMES = {
    "opened": "opened an incident",
    "merged": "merged",
    "withdrawn": "withdrawn",
    "superseded": "superseded",
    "no_attack": "kept, not an incident",
    "no_level": "kept, level 0",
    "nameless": "kept, names nobody",
}


async def reports(engine: AsyncEngine, entry_id: str) -> tuple[list[Step], list[str]]:
    """Return the steps of classifier and tracker for each report on an entry, and its incidents' ids."""
    query = (
        select(report, incident.c.headline, incident.c.state, incident.c.because)
        .outerjoin(incident, incident.c.id == report.c.incident_id)
        .where(report.c.entry_id == entry_id)
        .order_by(report.c.received_at, report.c.revision)
    )
    async with transaction(engine) as connection:
        rows = (await connection.execute(query)).mappings().all()
    steps: list[Step] = []
    incidents: list[str] = []
    for row in rows:
        verdict = "incident" if row["incident"] else "outage" if row["outage"] else "not an incident"
        level = f", level {row['level']} ({LEVEL_NAMES[row['level']]})" if row["level"] else ""
        revision = f"revision {row['revision']}: " if row["revision"] > 1 else ""
        said = f"{revision}{row['document']['reason']}"
        steps.append(Step("classifier", f"judged: {verdict}{level}", said, row["judged_at"]))
        detail = row["reason"]
        if row["incident_id"]:
            detail = f"{row['incident_id'][:12]} “{row['headline']}” ({row['state']}): {detail}"
            if row["state"] == "retracted":
                detail += f"; a person retracted it: {row['because']}"
            incidents.append(row["incident_id"])
        steps.append(Step("tracker", _OUTCOMES.get(row["outcome"], row["outcome"]), detail, row["received_at"]))
    return steps, list(dict.fromkeys(incidents))


async def held_back(engine: AsyncEngine, incident_id: str, alert_ids: Collection[str]) -> dict[str, Step]:
    """Say of each of an incident's alerts that Kafka has not taken why it has not."""
    query = select(outbox).where(outbox.c.topic == ALERTS, outbox.c.key == incident_id.encode())
    async with transaction(engine) as connection:
        rows = (await connection.execute(query.where(outbox.c.published_at.is_(None)))).mappings().all()
    found = {}
    for row in rows:
        if (alert_id := dict(row["headers"])["ce_id"]) in alert_ids:
            found[alert_id] = (
                Step("tracker", "refused by Kafka", row["error"] or "", row["refused_at"])
                if row["refused_at"]
                else Step("tracker", "waits in the outbox", "Kafka has not confirmed it yet", row["created_at"])
            )
    return found
