"""Take an incident back by a person's word; it reaches those who were told."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker import store
from services.tracker.conclude import Cause
from services.tracker.conclude import retract as retraction
from services.tracker.ledger import Ledger, Version
from services.tracker.read import find_incident
from services.tracker.read_batch import read_in_full
from shared.database import transaction
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
        now = await store.take_lock(connection)
        row = await find_incident(connection, prefix)
        incident_id = str(row["id"])
        if row["state"] == "retracted":
            raise Permanent(f"incident {incident_id} is retracted already: {row['because']}")
        ledger = Ledger()
        await read_in_full(connection, ledger, [incident_id])
        dossier = ledger.dossiers[incident_id]
        assert dossier.last is not None, f"incident {incident_id} has no version"
        alert = retraction(dossier.last, Cause(incident_id, dossier.entry_id, now, dossier.opened_at), because.strip())
        dossier.because = because.strip()
        ledger.update(dossier, dossier.known.model_copy(update={"retracted_at": now}))
        ledger.tell(dossier, "retracted", Version(alert, None, Trace.start(alert.entry_id)))
        await store.write(connection, ledger, now)
    return alert
