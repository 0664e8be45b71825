"""Take an incident back by a person's word; it reaches those who were told."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker import store
from services.tracker.conclude import Cause
from services.tracker.conclude import retract as retraction
from services.tracker.known import Known
from services.tracker.read import find_incident
from shared.database import database_now, transaction
from shared.errors import Permanent
from shared.events import Alert
from shared.headers import Trace


async def retract(engine: AsyncEngine, prefix: str, because: str) -> Alert:
    """Write a retracted version and its message; raises Permanent where there is nothing to retract.

    A retracted incident stays retracted: later reports of the same attack are put to it and open nothing.
    An attack that is stated to have happened after the retraction opens a new incident.
    """
    if not because.strip():
        raise Permanent("say why: --because TEXT (those who were told will read it)")
    async with transaction(engine) as connection:
        await store.take_lock(connection)
        row = await find_incident(connection, prefix)
        incident_id = str(row["id"])
        if row["state"] == "retracted":
            raise Permanent(f"incident {incident_id} is retracted already: {row['because']}")
        last = await store.last_alert(connection, incident_id)
        assert last is not None, f"incident {incident_id} has no version"
        now = await database_now(connection)
        cause = Cause(incident_id, str(row["entry_id"]), now, row["opened_at"])
        known = Known.model_validate(row["known"]).model_copy(update={"retracted_at": now})
        alert = retraction(last, cause, because.strip())
        await store.write_incident(connection, alert, "retracted", known, because=because.strip())
        await store.write_version(connection, alert, None, Trace.start(alert.entry_id))
    return alert
