"""After a restore: what was under way is settled by policy, and what follows is marked for a day."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import Channel
from services.notifier.restored import settle_restored
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


async def test_for_a_day_whatever_is_told_is_marked(engine: AsyncEngine) -> None:
    """A second restore begins the day anew; after the day nothing is marked and nothing had to be undone."""
    async with transaction(engine) as connection:
        await settle_restored(connection, CHANNELS)
        await settle_restored(connection, CHANNELS)
        await add(connection, "now", "mail", "queued")
        body = str(await connection.scalar(text("SELECT prosrc FROM pg_proc WHERE proname = 'doubt_after_restore'")))
        year = await connection.scalar(text("SELECT extract(year FROM clock_timestamp() + interval '1 day')::int"))
        past = body.replace(f"'{year}-", "'2001-")
        assert past != body
        await connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION notifier.doubt_after_restore() RETURNS trigger LANGUAGE plpgsql AS $b$"
                + past.replace(":", "\\:")
                + "$b$"
            )
        )
        await add(connection, "later", "mail", "queued")
        rows = (await connection.execute(text("SELECT id, possible_repeat FROM notifier.delivery"))).all()
    assert {row.id: row.possible_repeat for row in rows} == {"now": True, "later": False}
