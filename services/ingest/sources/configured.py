"""Make the stored feeds those of the configuration, and keep what is wrong with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile
from services.ingest.tables import config_state, feed
from shared.database import transaction

_ROWS = 500
_CLOCK = func.clock_timestamp()


async def apply_config(engine: AsyncEngine, file: FeedsFile) -> None:
    """Make the stored feeds those of the file: new ones are due at once, removed ones rest.

    A feed that was removed and comes back is tried again even if it had ended; a shorter
    interval counts from now.
    """
    rows = [{"url": one.url, "config": one.model_dump(exclude_defaults=True)} for one in file.feeds]
    async with transaction(engine) as connection:
        for start in range(0, len(rows), _ROWS):
            statement = insert(feed).values(rows[start : start + _ROWS])
            new = statement.excluded.config
            back = feed.c.active.is_(False)
            seconds: ColumnElement[int] = func.coalesce(
                literal_column("(excluded.config ->> 'interval')::integer"),
                Feed.model_fields["interval"].default,
            )
            due = func.least(feed.c.next_poll_at, _CLOCK + seconds * text("interval '1 second'"))
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[feed.c.url],
                    set_={
                        "config": new,
                        "active": True,
                        "ended_at": text("CASE WHEN feed.active THEN feed.ended_at END"),
                        "next_poll_at": due,
                    },
                    where=or_(back, feed.c.config.is_distinct_from(new)),
                )
            )
        configured = [row["url"] for row in rows]
        gone = and_(feed.c.active, feed.c.url != func.all(configured)) if configured else feed.c.active
        await connection.execute(update(feed).where(gone).values(active=False))
        await _note(connection, contact=file.contact, problem=None)


async def note_problem(engine: AsyncEngine, problem: str) -> None:
    """Keep what is wrong with the configuration file, for `codegrey status` and `feeds list`."""
    async with transaction(engine) as connection:
        await _note(connection, problem=problem)


async def _note(connection: AsyncConnection, **values: Any) -> None:
    changed = values | {"read_at": _CLOCK}
    statement = insert(config_state).values(id=1, **changed)
    await connection.execute(statement.on_conflict_do_update(index_elements=[config_state.c.id], set_=changed))


async def read_contact(engine: AsyncEngine) -> str:
    """Return the contact that publishers are given."""
    async with transaction(engine) as connection:
        return await connection.scalar(select(config_state.c.contact)) or ""
