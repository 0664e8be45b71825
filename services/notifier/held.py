"""Read what waits, take back what ends before it was sent, and let what is patient go along with what goes out before.

Patient is what waits for the end of quiet hours or for a digest; a fold or a summary keeps what comes later with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.config import Subscriptions
from services.notifier.message import Message, joined
from services.notifier.route import WOKEN_WITHIN, Pace
from services.notifier.store import WAITS
from services.notifier.tables import notice

Key = tuple[str, str]
"""A subscription and an incident."""


@dataclass
class Waiting:
    """What waits of incidents, for each subscription as one message, and what goes along with a later one."""

    _messages: dict[Key, tuple[Pace, Message]] = field(default_factory=dict)
    _taken_along: dict[Key, tuple[str, int]] = field(default_factory=dict)
    _taken_back: dict[Key, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    async def read(cls, connection: AsyncConnection, incidents: Collection[str]) -> Waiting:
        """Read what waits of these incidents."""
        found: dict[Key, tuple[Pace, Message]] = {}
        query = select(notice).where(notice.c.incident_id.in_(incidents), WAITS).order_by(notice.c.id)
        for row in await connection.execute(query):
            key, message = (row.subscription, row.incident_id), Message.model_validate(row.message)
            found[key] = (Pace(row.pace), joined(found[key][1], message) if key in found else message)
        return cls(found)

    def told(self, key: Key, message: Message, when: Pace) -> Message | None:
        """Return `message` as it is told at `when`: with all that waited for less; or have it wait, too.

        None where it ends what waited and was never sent: nobody needs to hear of either.
        """
        before = self._messages.get(key)
        if before and before[1].kind == "opening" and message.ended:
            del self._messages[key]
            self._taken_back[key] = (message.ended, message.version)
            return None
        together = joined(before[1], message) if before else message
        if when is not Pace.NOW:
            self._messages[key] = (when, together)
            if before is None or before[0] is when:
                return message
        elif before is None:
            return message
        else:
            del self._messages[key]
        self._taken_along[key] = (message.alert_id, message.version)
        return together

    async def write(self, connection: AsyncConnection) -> None:
        """Note with whose alert's message went along what had waited; after the decisions are written."""
        for (name, incident), (how, version) in self._taken_back.items():
            mine = and_(notice.c.subscription == name, notice.c.incident_id == incident, WAITS)
            undone = {"message": None, "tell": "none", "reason": notice.c.reason + f"; {how} before it was sent"}
            await connection.execute(update(notice).where(mine, notice.c.version < version).values(undone))
        for (name, incident), (alert_id, version) in self._taken_along.items():
            mine = and_(notice.c.subscription == name, notice.c.incident_id == incident, WAITS)
            earlier = update(notice).where(mine, notice.c.version < version)
            await connection.execute(earlier.values(list_id=alert_id))


async def read_lately(
    connection: AsyncConnection, config: Subscriptions, incidents: Collection[str], now: datetime
) -> Mapping[Key, tuple[datetime, ...]]:
    """Return when something of these incidents went out at once, for subscriptions with quiet hours."""
    names = [one.name for one in config.subscriptions if one.quiet_hours]
    if not names:
        return {}
    found: defaultdict[Key, tuple[datetime, ...]] = defaultdict(tuple)
    query = select(notice.c.subscription, notice.c.incident_id, notice.c.at).where(
        notice.c.incident_id.in_(incidents),
        notice.c.subscription.in_(names),
        notice.c.tell != "none",
        notice.c.pace == Pace.NOW.value,
        notice.c.at >= now - WOKEN_WITHIN,
    )
    for row in await connection.execute(query):
        found[row.subscription, row.incident_id] += (row.at,)
    return found
