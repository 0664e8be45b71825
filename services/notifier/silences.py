"""Keep the silences: which are in force, what broke them, and who took them back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.route import Silence, breaks
from services.notifier.store import lock_decisions
from services.notifier.tables import silence, subscription, told
from shared.database import transaction
from shared.errors import Permanent
from shared.events import Alert

EVERYBODY = ""
"""Stands where a subscription's name stands in a silence for all of them."""

_CLOCK = func.clock_timestamp()
_IN_FORCE = and_(silence.c.ended_at.is_(None), or_(silence.c.until.is_(None), silence.c.until > _CLOCK))


@dataclass
class Silences:
    """The silences on the incidents of one batch, and those that it breaks."""

    _standing: dict[tuple[str, str], tuple[int, Silence]] = field(default_factory=dict)
    _broken: dict[int, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, connection: AsyncConnection, incidents: Collection[str]) -> Silences:
        """Read those that are in force."""
        rows = await connection.execute(select(silence).where(silence.c.incident_id.in_(incidents), _IN_FORCE))
        found = {
            (row.incident_id, row.subscription): (row.id, Silence(row.level, row.until, row.because)) for row in rows
        }
        return cls(found)

    def on(self, incident_id: str, name: str) -> Silence | None:
        """Return the silence that keeps an incident from a subscription: its own, else the one for all."""
        found = self._standing.get((incident_id, name)) or self._standing.get((incident_id, EVERYBODY))
        return found[1] if found else None

    def take_note(self, alert: Alert) -> None:
        """End those that this version breaks, also where nobody is told of it."""
        for key, (number, one) in list(self._standing.items()):
            if key[0] == alert.incident_id and (why := breaks(alert, one)):
                self._broken[number] = why
                del self._standing[key]

    async def write(self, connection: AsyncConnection) -> None:
        """Write down which are broken."""
        for number, why in self._broken.items():
            ending = update(silence).where(silence.c.id == number, silence.c.ended_at.is_(None))
            await connection.execute(ending.values(ended_at=_CLOCK, ended=why))


async def impose(
    engine: AsyncEngine, incident: dict[str, Any], name: str | None, until: datetime | None, because: str
) -> dict[str, Any]:
    """Silence an incident at the level it stands at; one that stands already is replaced. Return the row.

    Where people were told of a lower level so far (the notifier is behind, say), it is silenced at that one: what they
    have not heard of yet must reach them.

    Raises Permanent where there is no such subscription, or the moment has passed.
    """
    async with transaction(engine) as connection:
        await lock_decisions(connection)
        if name is not None and not await _exists(connection, name):
            raise Permanent(f"there is no subscription {name!r}: see `codegrey subscriptions list`")
        if until is not None and not await connection.scalar(select(until > _CLOCK)):
            raise Permanent(f"{until:%Y-%m-%d %H:%M} UTC has passed already")
        await _end(connection, incident["id"], name, "replaced")
        values = {
            "incident_id": incident["id"],
            "subscription": name or EVERYBODY,
            "level": min(incident["level"], await _heard(connection, incident["id"], name, incident["level"])),
            "headline": incident["headline"],
            "because": because,
            "until": until,
        }
        row = await connection.execute(insert(silence).values(values).returning(silence))
        return dict(row.mappings().one())


async def lift(engine: AsyncEngine, incident_id: str, name: str | None) -> int:
    """Take silences on an incident back: one subscription's, or all; return how many were in force."""
    async with transaction(engine) as connection:
        await lock_decisions(connection)
        return await _end(connection, incident_id, name, "taken back", everybody=name is None)


async def list_silences(engine: AsyncEngine, *, everything: bool = False) -> list[dict[str, Any]]:
    """List the silences in force, the newest first; `everything`: also those that are over."""
    query = select(silence, _IN_FORCE.label("in_force")).order_by(silence.c.id.desc())
    async with transaction(engine) as connection:
        rows = (await connection.execute(query if everything else query.where(_IN_FORCE))).mappings().all()
    return [dict(row) for row in rows]


async def _heard(connection: AsyncConnection, incident_id: str, name: str | None, otherwise: int) -> int:
    """Return the highest level that those who are silenced were told last; `otherwise` where nobody was."""
    level = func.max(cast(told.c.snapshot["level"].astext, Integer))
    query = select(level).where(told.c.incident_id == incident_id)
    found: int | None = await connection.scalar(query if name is None else query.where(told.c.subscription == name))
    return otherwise if found is None else found


async def _exists(connection: AsyncConnection, name: str) -> bool:
    known = select(subscription.c.name).where(subscription.c.name == name, subscription.c.removed_at.is_(None))
    return await connection.scalar(known) is not None


async def _end(
    connection: AsyncConnection, incident_id: str, name: str | None, how: str, *, everybody: bool = False
) -> int:
    """End what stands; of what ran out by itself only the row is closed, and it does not count."""
    whose = [silence.c.incident_id == incident_id, silence.c.ended_at.is_(None)]
    if not everybody:
        whose.append(silence.c.subscription == (name or EVERYBODY))
    ran_out = update(silence).where(*whose, silence.c.until <= _CLOCK).values(ended_at=silence.c.until, ended="ran out")
    await connection.execute(ran_out)
    ended = update(silence).where(*whose).values(ended_at=_CLOCK, ended=how).returning(silence.c.id)
    return len((await connection.execute(ended)).all())
