"""After a restore: what was under way is settled by policy, what follows is marked until a day after the start."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import Channel
from services.notifier.restored import note_start, settle_restored
from shared.database import transaction

pytestmark = pytest.mark.servers

CHANNELS = {
    "mail": Channel(kind="email", to=("duty@hospital.example",)),
    "careful": Channel(kind="email", to=("duty@hospital.example",), on_unknown="hold"),
    "hook": Channel(kind="webhook"),
}


async def add(connection: AsyncConnection, name: str, channel: str, state: str, *, hours: int = 0) -> None:
    """Write one delivery."""
    kind = CHANNELS[channel].kind if channel in CHANNELS else "chat"
    await connection.execute(
        text(
            "INSERT INTO notifier.delivery (id, subject_id, purpose, subscription, channel, kind, address, target,"
            " level, incidents, correlation_id, message, state, created_at) VALUES (:id, :id, 'alert', 'duty',"
            " :channel, :kind, '', :channel, 4, '{}', '', '{\"subject\": \"[4] Attack\"}', :state,"
            " clock_timestamp() - make_interval(hours => :hours))"
        ),
        {"id": name, "channel": channel, "kind": kind, "state": state, "hours": hours},
    )


async def test_what_was_under_way_is_settled_by_each_channels_policy_and_listed(engine: AsyncEngine) -> None:
    """Mail is repeated and marked or held, a webhook repeated unmarked, what is too old is held; sent stays sent."""
    async with transaction(engine) as connection:
        await add(connection, "a", "mail", "queued")
        await add(connection, "b", "careful", "sending")
        await add(connection, "c", "hook", "queued")
        await add(connection, "d", "mail", "queued", hours=30)
        await add(connection, "e", "gone-channel", "queued")
        await add(connection, "f", "mail", "sent")
        settled = await settle_restored(connection, CHANNELS)
        rows = (await connection.execute(text("SELECT id, state, possible_repeat FROM notifier.delivery"))).all()
    assert {row.id: (row.state, row.possible_repeat) for row in rows} == {
        "a": ("queued", True),
        "b": ("unknown", False),
        "c": ("queued", False),
        "d": ("unknown", True),
        "e": ("queued", True),
        "f": ("sent", False),
    }
    assert [one.then.split(":")[0].split(",")[0] for one in settled] == [
        "will be sent again",
        "held",
        "will be sent again",
        "held",
        "will be sent again",
    ]
    assert settled[0].subject == "[4] Attack"


async def marks(connection: AsyncConnection) -> dict[str, bool]:
    """Return which deliveries are marked as what may be a repeat."""
    rows = await connection.execute(text("SELECT id, possible_repeat FROM notifier.delivery"))
    return {row.id: row.possible_repeat for row in rows}


async def test_whatever_is_told_is_marked_until_a_day_after_the_first_start(engine: AsyncEngine) -> None:
    """However long it stood before; a later start begins no new day, a second restore does."""

    async def passes(days: int) -> None:
        moments = "at = at - make_interval(days => :days), started_at = started_at - make_interval(days => :days)"
        async with transaction(engine) as connection:
            await connection.execute(text(f"UPDATE notifier.restoration SET {moments}"), {"days": days})

    async def told(name: str) -> bool:
        async with transaction(engine) as connection:
            await add(connection, name, "mail", "queued")
            return (await marks(connection))[name]

    await note_start(engine)
    assert not await told("never restored")
    async with transaction(engine) as connection:
        await settle_restored(connection, CHANNELS)
        await settle_restored(connection, CHANNELS)
    await passes(days=9)
    assert await told("before the first start")
    await note_start(engine)
    assert await told("after the first start")
    await passes(days=1)
    await note_start(engine)
    assert not await told("a day after it")
    async with transaction(engine) as connection:
        await settle_restored(connection, CHANNELS)
    assert await told("restored once more")
