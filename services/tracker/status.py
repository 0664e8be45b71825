"""What `codegrey status` says of the tracker."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.read import count_incidents
from services.tracker.tables import outbox, report
from shared.database import transaction


async def counts(engine: AsyncEngine) -> dict[str, int]:
    """Count reports, incidents by state, and alerts that wait to be published."""
    async with transaction(engine) as connection:
        reports = await connection.scalar(select(func.count()).select_from(report))
        waiting = await connection.scalar(
            select(func.count())
            .select_from(outbox)
            .where(outbox.c.published_at.is_(None), outbox.c.refused_at.is_(None))
        )
    states = await count_incidents(engine)
    return {"reports": reports or 0, "waiting": waiting or 0, **{f"incidents_{k}": v for k, v in states.items()}}
