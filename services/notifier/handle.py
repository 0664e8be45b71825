"""Match each alert once with every subscription, and queue what is told in the same transaction.

An alert that is delivered twice is found in the inbox and changes nothing. What is not told is
recorded too, with its reason, so that "why was I not told?" has an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.canary import match_canaries
from services.notifier.config import Subscription, Subscriptions, Target, targets
from services.notifier.held import Waiting, read_lately
from services.notifier.message import alert_message
from services.notifier.metrics import DECISIONS, MERGED_TO_MATCHED
from services.notifier.route import Decision, LastHour, Pace, Tell, Told, decide, pace
from services.notifier.silences import Silences
from services.notifier.snapshot import Snapshot
from services.notifier.store import (
    add_deliveries,
    delivery_rows,
    earlier_targets,
    last_hour,
    lock_decisions,
    register,
    waiting_incidents,
)
from services.notifier.tables import inbox, notice
from services.notifier.tables import told as told_table
from shared.consume import Received
from shared.database import database_now, transaction
from shared.events import Alert, AlertReason, Arrival


@dataclass
class Handler:
    """Consume alerts: `config` is asked anew for each batch, `wake` is set where there is work to send."""

    engine: AsyncEngine
    config: Callable[[], Subscriptions]
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, received: Sequence[Received[Alert]]) -> None:
        """Settle a batch of alerts in one transaction."""
        config = self.config()
        canaries = [one for one in received if one.event.canary]
        real = [one for one in received if not one.event.canary] if canaries else received
        async with transaction(self.engine) as connection:
            await lock_decisions(connection)
            await match_canaries(connection, canaries)
            new, now = await _settle(connection, config, real) if real else ([], None)
        for one in new:
            MERGED_TO_MATCHED.note(one.event.created_at, now)
        if new or canaries:
            self.wake.set()


async def _settle(
    connection: AsyncConnection, config: Subscriptions, received: Sequence[Received[Alert]]
) -> tuple[list[Received[Alert]], datetime | None]:
    """Decide on what is new for every subscription; return it, and when that was."""
    new = await _unknown(connection, received)
    if not new:
        return [], None
    book = await _open_book(connection, config, new)
    for one in new:
        for subscription in config.subscriptions:
            book.settle(one, subscription)
        book.take_note(one.event)
        # A large batch must not keep heartbeats and sends from running.
        await asyncio.sleep(0)
    await book.write(connection)
    return new, book.now


async def _unknown(connection: AsyncConnection, received: Sequence[Received[Alert]]) -> list[Received[Alert]]:
    """Put the alerts into the inbox; return those that were not there, each once, in order."""
    by_id = {one.event.id: one for one in reversed(received)}
    rows_in = [{"alert_id": alert_id, "appended_at": one.appended_at} for alert_id, one in by_id.items()]
    adding = insert(inbox).values(rows_in)
    rows = await connection.execute(adding.on_conflict_do_nothing().returning(inbox.c.alert_id))
    fresh = {row.alert_id for row in rows}
    in_order = dict.fromkeys(one.event.id for one in received)
    return [by_id[alert_id] for alert_id in in_order if alert_id in fresh]


async def _open_book(connection: AsyncConnection, config: Subscriptions, new: Sequence[Received[Alert]]) -> _Book:
    since = await register(connection, config)
    now = await database_now(connection)
    incidents = {one.event.incident_id for one in new}
    waiting = await waiting_incidents(connection)
    newest = {
        row.incident_id: row.version
        for row in await connection.execute(
            select(notice.c.incident_id, func.max(notice.c.version).label("version"))
            .where(notice.c.incident_id.in_(incidents))
            .group_by(notice.c.incident_id)
        )
    }
    lately = await read_lately(connection, config, incidents, now)
    known = {}
    for row in await connection.execute(
        select(told_table.c.subscription, told_table.c.incident_id, told_table.c.snapshot).where(
            told_table.c.incident_id.in_(incidents)
        )
    ):
        key = (row.subscription, row.incident_id)
        snapshot = Snapshot.model_validate(row.snapshot)
        known[key] = Told(snapshot, waiting=waiting.get(key), lately=lately.get(key, ()))
    retracted = {one.event.incident_id for one in new if one.event.reason is AlertReason.RETRACTED}
    earlier = await earlier_targets(connection, retracted) if retracted else {}
    return _Book(
        config,
        now,
        since,
        known,
        await last_hour(connection, now),
        await Silences.read(connection, incidents),
        await Waiting.read(connection, incidents) if waiting else Waiting(),
        earlier,
        newest,
    )


def item_moments(alert: Alert) -> dict[str, datetime | None]:
    """Return when the item that brought this version was published and first seen; nothing where it is old news."""
    if alert.arrival is not Arrival.LIVE or alert.seen_at is None:
        return {"item_published_at": None, "item_seen_at": None}
    published = next((one.published for one in alert.sources if one.entry_id == alert.entry_id), None)
    return {"item_published_at": published, "item_seen_at": alert.seen_at}


@dataclass
class _Book:
    """What is known while a batch is decided, and the rows that come of it."""

    config: Subscriptions
    now: datetime
    since: dict[str, datetime]
    told: dict[tuple[str, str], Told]
    hours: dict[str, LastHour]
    silences: Silences
    waiting: Waiting
    earlier: dict[tuple[str, str], tuple[Target, ...]] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    """The newest version of each incident that was decided before this batch."""
    notices: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    changed: set[tuple[str, str]] = field(default_factory=set)

    def settle(self, one: Received[Alert], subscription: Subscription) -> None:
        """Decide one alert for one subscription and note what follows."""
        alert, name = one.event, subscription.name
        key = (name, alert.incident_id)
        told = self.told.get(key)
        decision = decide(
            alert,
            subscription,
            told,
            self.since[name],
            newest=self.newest.get(alert.incident_id, 0),
            silence=self.silences.on(alert.incident_id, name),
        )
        when, reason = Pace.NOW, decision.reason
        message = None
        if decision.tell is not Tell.NONE:
            hour = self.hours.get(name, LastHour())
            when, because = pace(decision, alert, subscription, told, hour, self.now)
            reason = f"{reason}; {because}" if because else reason
            said = alert_message(alert, decision, name)
            message = self.waiting.told(key, said, when)
            lately = told.lately if told else ()
            self.told[key] = (
                Told(Snapshot.of(alert), lately=(*lately, self.now))
                if when is Pace.NOW
                else Told(Snapshot.of(alert), when, lately)
            )
            self.changed.add(key)
            if message is None:
                # Whatever comes of this incident from now on opens it.
                self.told[key] = Told(Snapshot.of(alert).model_copy(update={"retracted": True}), lately=lately)
                decision, when = Decision(Tell.NONE, decision.reason), Pace.NOW
                reason = f"{said.ended}, and what this subscription would have been told was not sent yet"
            elif when is Pace.NOW:
                self.hours[name] = replace(hour, messages=hour.messages + 1, gravest=max(hour.gravest, alert.level))
                rows = delivery_rows(
                    message,
                    self._targets(decision, key, subscription),
                    subject_id=alert.id,
                    subscription_name=name,
                    incidents=[alert.incident_id],
                    correlation_id=one.trace.correlation_id,
                )
                self.deliveries += [row | item_moments(alert) for row in rows]
        DECISIONS.labels(decision.tell.value, when.value).inc()
        waits = message is not None and when is not Pace.NOW
        self.notices.append(
            {
                "alert_id": alert.id,
                "subscription": name,
                "incident_id": alert.incident_id,
                "version": alert.version,
                "tell": decision.tell.value,
                "pace": when.value,
                "reason": reason,
                "correlation_id": one.trace.correlation_id,
                "message": message.model_dump(mode="json") if message and waits else None,
            }
        )

    def take_note(self, alert: Alert) -> None:
        """End the silences that a version breaks; an older one that comes late breaks none."""
        if alert.version >= self.newest.get(alert.incident_id, 0):
            self.silences.take_note(alert)

    def _targets(self, decision: Decision, key: tuple[str, str], subscription: Subscription) -> Sequence[Target]:
        """Send a retraction to where the alert went, by the same channel; all else to where it is wanted now."""
        if decision.tell is Tell.RETRACTION:
            same = [one for one in self.earlier.get(key, ()) if one.channel in self.config.channels]
            if same:
                return same
        return targets(self.config, subscription.channels)

    async def write(self, connection: AsyncConnection) -> None:
        """Write all rows: decisions, what was told, deliveries."""
        if self.notices:
            await connection.execute(insert(notice).on_conflict_do_nothing(), self.notices)
        changed = [
            {
                "subscription": name,
                "incident_id": incident,
                "snapshot": self.told[name, incident].snapshot.model_dump(mode="json"),
            }
            for name, incident in sorted(self.changed)
        ]
        if changed:
            telling = insert(told_table)
            telling = telling.on_conflict_do_update(
                index_elements=["subscription", "incident_id"],
                set_={"snapshot": telling.excluded.snapshot, "told_at": func.now()},
            )
            await connection.execute(telling, changed)
        await self.waiting.write(connection)
        await add_deliveries(connection, self.deliveries)
        await self.silences.write(connection)
