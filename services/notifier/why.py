"""The notifier's part of the answer to "why was I told, or not told?"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.outcome import State
from services.notifier.tables import delivery, notice
from shared.database import transaction
from shared.why import Step

_OUTCOMES = {"opening": "told", "update": "told as an update", "retraction": "told as retracted", "none": "not told"}
_STATES = {
    State.QUEUED: "waits to be sent",
    State.SENDING: "is being sent",
    State.SENT: "sent",
    State.UNKNOWN: "held: it may have arrived",
    State.FAILED: "failed",
    State.GAVE_UP: "given up",
}


async def told(engine: AsyncEngine, incident_id: str, subscription: str | None = None) -> list[Step]:
    """Tell each decision on an incident, oldest first, and what became of its deliveries."""
    steps: list[Step] = []
    query = select(notice).where(notice.c.incident_id == incident_id).order_by(notice.c.id)
    if subscription:
        query = query.where(notice.c.subscription == subscription)
    async with transaction(engine) as connection:
        for row in (await connection.execute(query)).all():
            outcome = _OUTCOMES[row.tell]
            if row.tell != "none" and row.pace != "now":
                outcome += f", {row.pace}" + ("" if row.list_id else " and waiting")
            steps.append(Step("notifier", outcome, f"{row.subscription}, version {row.version}: {row.reason}", row.at))
            subject = row.list_id or (row.alert_id if row.tell != "none" else None)
            if subject:
                steps += await _deliveries(connection, subject, row.subscription)
    if not steps:
        whom = f"subscription {subscription!r}" if subscription else "any subscription"
        steps.append(Step("notifier", "not matched", f"no version of this incident was compared with {whom}"))
    return steps


async def _deliveries(connection: AsyncConnection, subject: str, subscription: str) -> list[Step]:
    rows: Any = await connection.execute(
        select(delivery)
        .where(delivery.c.subject_id == subject, delivery.c.subscription == subscription)
        .order_by(delivery.c.seq)
    )
    steps = []
    for row in rows:
        parts = [row.target, f"{row.attempts} {'attempt' if row.attempts == 1 else 'attempts'}"]
        if row.possible_repeat:
            parts.append("marked as a possible repeat")
        if row.last_error:
            parts.append(f"last: {row.last_error}")
        if row.state == State.QUEUED:
            parts.append(f"next try {row.next_try_at:%Y-%m-%d %H:%M:%S} UTC")
        steps.append(Step("notifier", _STATES[State(row.state)], ", ".join(parts), row.finished_at or row.created_at))
    return steps
