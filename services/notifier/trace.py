"""When an alert was taken in by Kafka, matched, sent and accepted: the notifier's part of `codegrey trace`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.outcome import State
from services.notifier.tables import delivery, inbox, notice
from shared.database import transaction


@dataclass(frozen=True)
class MatchedAlert:
    """An alert that was compared with every subscription."""

    alert_id: str
    appended_at: datetime | None
    """When Kafka took it in."""
    matched_at: datetime


@dataclass(frozen=True)
class TracedDelivery:
    """What became of an alert for one target of one subscription; no target where none was queued."""

    alert_id: str
    subscription: str
    tell: str
    pace: str
    reason: str
    target: str | None
    state: str | None
    attempts: int | None
    error: str | None
    queued_at: datetime | None
    sending_at: datetime | None
    finished_at: datetime | None

    @property
    def accepted_at(self) -> datetime | None:
        """Return when the target said that it has the message."""
        return self.finished_at if self.state == State.SENT else None


async def matched(engine: AsyncEngine, alert_ids: Collection[str]) -> dict[str, MatchedAlert]:
    """Return when each of these alerts was matched, for those that were."""
    query = select(inbox.c.alert_id, inbox.c.appended_at, inbox.c.received_at).where(inbox.c.alert_id.in_(alert_ids))
    async with transaction(engine) as connection:
        return {row[0]: MatchedAlert(*row) for row in (await connection.execute(query)).all()}


async def deliveries_of(engine: AsyncEngine, alert_ids: Collection[str]) -> list[TracedDelivery]:
    """Return each decision on these alerts with its deliveries, in the order in which they were decided.

    What was folded or collected stands in the delivery of its list.
    """
    subject = case((notice.c.list_id.is_not(None), notice.c.list_id), else_=notice.c.alert_id)
    query = (
        select(
            notice.c.alert_id,
            notice.c.subscription,
            notice.c.tell,
            notice.c.pace,
            notice.c.reason,
            delivery.c.target,
            delivery.c.state,
            delivery.c.attempts,
            delivery.c.last_error,
            delivery.c.created_at,
            delivery.c.sending_at,
            delivery.c.finished_at,
        )
        .outerjoin(
            delivery,
            and_(
                delivery.c.subject_id == subject,
                delivery.c.subscription == notice.c.subscription,
                notice.c.tell != "none",
            ),
        )
        .where(notice.c.alert_id.in_(alert_ids))
        .order_by(notice.c.id, delivery.c.seq)
    )
    async with transaction(engine) as connection:
        rows: Sequence[Any] = (await connection.execute(query)).all()
    return [TracedDelivery(*row) for row in rows]
