"""The notifier's part of the answer to "why was I told, or not told?"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.outcome import State
from services.notifier.tables import delivery, notice
from services.notifier.tables import subscription as subscription_table
from shared.database import transaction
from shared.why import Step

_TOLD = {"opening": "told", "update": "told as an update", "retraction": "told as retracted"}
_PACES = {
    "folded": "folded",
    "collected": "collected into a summary",
    "held": "held for quiet hours",
    "digest": "kept for the digest",
}
_NOT_TOLD = (
    ("silenced", "silenced"),
    ("opened silently", "opened silently"),
    ("small facts only", "small facts only"),
    ("this version is older", "older than the subscription"),
    ("version ", "known already"),
    ("retracted, and", "not told"),
    ("closed, and", "not told"),
    ("corrected, and", "not told"),
)
"""What a decision's reason begins with, and its outcome in a word; every other one is a filter's."""
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
            said = f"{row.subscription}, version {row.version}: {row.reason}"
            steps.append(
                Step("notifier", decided(row.tell, row.pace, row.reason, listed=bool(row.list_id)), said, row.at)
            )
            subject = row.list_id or (row.alert_id if row.tell != "none" else None)
            if subject:
                steps += await _deliveries(connection, subject, row.subscription)
        if not steps and subscription:
            return [await _stranger(connection, subscription, incident_id)]
    return steps


def decided(tell: str, pace: str, reason: str, *, listed: bool) -> str:
    """Name a decision in a word or two: told, filtered, silenced, folded and waiting ..."""
    if tell == "none":
        return next((word for begins, word in _NOT_TOLD if reason.startswith(begins)), "filtered")
    outcome = _TOLD.get(tell, tell)
    if pace == "now":
        return outcome
    how = _PACES.get(pace, pace)
    return f"{outcome}, {how}" if listed else f"{how}, waits"


async def _stranger(connection: AsyncConnection, name: str, incident_id: str) -> Step:
    """Say what is known of a subscription that no decision names."""
    known = subscription_table.c
    row = (await connection.execute(select(known.since, known.removed_at).where(known.name == name))).first()
    if row is None:
        return Step("notifier", "no such subscription", f"{name!r} is not in subscriptions.yaml, or was not read yet")
    if row.removed_at:
        return Step("notifier", "subscription removed", f"{name!r} left subscriptions.yaml", row.removed_at)
    decided_at = await connection.scalar(select(func.max(notice.c.at)).where(notice.c.incident_id == incident_id))
    if decided_at is None or row.since < decided_at:
        return Step("notifier", "no decision kept", f"none of {name!r} on this incident, or not any more")
    return Step("notifier", "older than the subscription", f"{name!r} exists since then and starts anew", row.since)


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
