"""Report outbox rows that Kafka refused for good: each is a message that somebody did not get."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import transaction
from shared.outbox_refused import set_aside
from shared.trouble import Trouble


async def refused_rows(engine: AsyncEngine, table: Table) -> Sequence[Trouble]:
    """Count the rows of one outbox that were set aside, and say why the last of them was."""
    query = select(func.count(), func.min(table.c.refused_at), func.max(table.c.topic), func.max(table.c.error)).where(
        set_aside(table)
    )
    async with transaction(engine) as connection:
        count, since, topic, error = (await connection.execute(query)).one()
    if not count:
        return []
    return [
        Trouble(
            f"outbox:{table.schema}",
            f"{count} {'message' if count == 1 else 'messages'} of {table.schema} could not be published",
            f"Kafka refused to take {'it' if count == 1 else 'them'} for {topic}: {error}. See `codegrey outbox list`; "
            "mend the cause, then `codegrey outbox retry`, or drop what is not wanted: `codegrey outbox drop`.",
            count,
            since,
        )
    ]
