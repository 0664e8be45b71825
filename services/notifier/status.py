"""What `codegrey status` shows of the notifier."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import CANARY
from services.notifier.outcome import State
from shared.database import transaction


async def deliveries(engine: AsyncEngine) -> dict[str, Any]:
    """Count deliveries by state, what waits for a fold, and the age of the oldest that is not finished."""
    async with transaction(engine) as connection:
        counts = {
            row.state: row.count
            for row in await connection.execute(
                text(
                    "SELECT state, count(*) AS count FROM notifier.delivery "
                    "WHERE subscription <> :canary GROUP BY state"
                ),
                {"canary": CANARY},
            )
        }
        folded = await connection.scalar(
            text("SELECT count(*) FROM notifier.notice WHERE message IS NOT NULL AND list_id IS NULL")
        )
        oldest = await connection.scalar(
            text(
                "SELECT extract(epoch FROM clock_timestamp() - min(created_at))::int "
                "FROM notifier.delivery WHERE state IN ('queued', 'sending')"
            )
        )
    states: dict[str, Any] = {state.value: counts.get(state.value, 0) for state in State}
    return states | {"folded": folded or 0, "oldest_waiting_s": oldest}


async def troubles(engine: AsyncEngine) -> list[dict[str, Any]]:
    """List what operators were told of and what is not over yet, the oldest first."""
    query = text("SELECT key, title, since, told_at FROM notifier.trouble ORDER BY since, key")
    async with transaction(engine) as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]
