"""Tell subscribers who want it, once a week, that somebody is still watching: a calm week and a dead server look alike.

What is counted is our own or public: the topic of news, what ingest reports of its feeds, our decisions and
deliveries. The delivery's unique row makes it one message for each week and subscription, whoever is first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import DAYS, Subscription, Subscriptions, Weekly, targets
from services.notifier.message import STANDING, Message
from services.notifier.store import add_deliveries, delivery_rows, lock_decisions
from services.notifier.tables import delivery, subscription
from shared.database import database_now, transaction
from shared.ids import stable_id
from shared.offsets import topic_bounds
from shared.topics import NEWS

WEEK = timedelta(days=7)
LATEST = timedelta(days=2)
"""After a longer stop a message of last week is no sign of life any more."""

_COUNTS = text("""
    SELECT
        (SELECT count(DISTINCT incident_id) FROM notifier.notice
         WHERE subscription = :name AND at > :since) AS incidents,
        (SELECT count(DISTINCT incident_id) FROM notifier.notice
         WHERE subscription = :name AND at > :since AND tell <> 'none') AS told,
        (SELECT count(DISTINCT subject_id) FROM notifier.delivery
         WHERE subscription = :name AND finished_at > :since AND state = 'sent'
           AND purpose IN ('opening', 'update', 'retraction', 'fold', 'summary', 'held', 'digest')) AS messages
""")
_CANARIES = text("SELECT coalesce(sum(count), 0) FROM notifier.canary_day WHERE day > CAST(:since AS date)")


@dataclass(frozen=True)
class Week:
    """What happened in seven days; None is not known."""

    items: int | None
    incidents: int
    told: int
    messages: int
    feeds: Mapping[str, int]
    """How many there are in each state: alive, quiet, failing."""


def last_due(weekly: Weekly, now: datetime) -> datetime:
    """Return the last moment at or before `now` at which it was due. Pure."""
    local = now.astimezone(ZoneInfo(weekly.timezone))
    moment = local.replace(hour=weekly.hour, minute=0, second=0, microsecond=0)
    moment -= timedelta(days=(moment.weekday() - DAYS.index(weekly.day)) % 7)
    if moment > local:
        moment -= WEEK
    return moment.astimezone(UTC)


def is_due(wanted: Subscription, since: datetime | None, now: datetime) -> datetime | None:
    """Return the moment for which this subscription is told now, or None. Pure."""
    if wanted.weekly is None or since is None:
        return None
    due = last_due(wanted.weekly, now)
    return due if since < due and now - due <= LATEST else None


def weekly_message(week: Week, name: str, now: datetime) -> Message:
    """Write the message. Pure."""
    lines = []
    if week.items is not None:
        lines.append(f"{week.items:,} {_of(week.items, 'item')} read from news")
    if week.feeds:
        lines.append(
            f"{week.feeds.get('feeds_alive', 0)} {_of(week.feeds.get('feeds_alive', 0), 'feed')} alive, "
            f"{week.feeds.get('feeds_quiet', 0)} quiet, {week.feeds.get('feeds_failing', 0)} failing"
        )
    lines.append(f"{week.incidents} {_of(week.incidents, 'incident')} seen, {week.told} of them told to you")
    lines.append(f"{week.messages} {_of(week.messages, 'message')} sent to you")
    return Message(
        kind="weekly",
        subject="[Code Grey] Still watching",
        headline="Still watching",
        lead="The last seven days. You get this every week, also when nothing happens; if it stays away, ask why.",
        changes=tuple(lines),
        footnotes=(STANDING,),
        subscription=name,
        created_at=now,
    )


def _of(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


async def tell_weekly(engine: AsyncEngine, config: Subscriptions, news: Any, figures: Mapping[str, int]) -> int:
    """Queue every message that is due and was not queued yet; return how many. `news` is asked for offsets."""
    wanted = [one for one in config.subscriptions if one.weekly]
    if not wanted:
        return 0
    async with transaction(engine) as connection:
        due = await _due(connection, wanted)
        now = await database_now(connection)
    if not due:
        return 0
    items = await items_since(news, now - WEEK)
    async with transaction(engine) as connection:
        await lock_decisions(connection)
        now = await database_now(connection)
        due = await _due(connection, wanted)
        for one, moment in due:
            message = weekly_message(await _week(connection, one, now, items, figures), one.name, now)
            rows = delivery_rows(
                message,
                targets(config, one.channels),
                subject_id=_subject(one, moment),
                subscription_name=one.name,
                incidents=[],
            )
            await add_deliveries(connection, rows)
    return len(due)


async def _due(connection: AsyncConnection, wanted: Sequence[Subscription]) -> list[tuple[Subscription, datetime]]:
    now = await database_now(connection)
    names = [one.name for one in wanted]
    rows = await connection.execute(
        select(subscription.c.name, subscription.c.since).where(
            subscription.c.name.in_(names), subscription.c.removed_at.is_(None)
        )
    )
    since = {row.name: row.since for row in rows}
    found = [(one, moment) for one in wanted if (moment := is_due(one, since.get(one.name), now))]
    subjects = [_subject(one, moment) for one, moment in found]
    told = set(
        (await connection.execute(select(delivery.c.subject_id).where(delivery.c.subject_id.in_(subjects)))).scalars()
    )
    return [(one, moment) for one, moment in found if _subject(one, moment) not in told]


def _subject(one: Subscription, moment: datetime) -> str:
    return stable_id("weekly", one.name, moment.date().isoformat())


async def _week(
    connection: AsyncConnection, one: Subscription, now: datetime, items: int | None, figures: Mapping[str, int]
) -> Week:
    since = now - WEEK
    counts = (await connection.execute(_COUNTS, {"name": one.name, "since": since})).one()
    canaries = int(await connection.scalar(_CANARIES, {"since": since}) or 0)
    return Week(
        items=max(0, items - canaries) if items is not None else None,
        incidents=counts.incidents,
        told=counts.told,
        messages=counts.messages,
        feeds={name: value for name, value in figures.items() if name.startswith("feeds_")},
    )


async def items_since(consumer: Any, moment: datetime) -> int | None:
    """Count the records that Kafka took into the topic of news since `moment`; None where there is no topic."""
    first, end = await topic_bounds(consumer, NEWS)
    if not end:
        return None
    at = int(moment.timestamp() * 1000)
    found = await consumer.offsets_for_times(dict.fromkeys(end, at))
    starts = {one: found[one].offset if found.get(one) else end[one] for one in end}
    return sum(end[one] - max(starts[one], first[one]) for one in end)
