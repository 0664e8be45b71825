"""Hand reports to the tracker and read what it wrote, for tests on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.handle import handler
from services.tracker.tables import inbox, incident, incident_version, outbox
from services.tracker.tables import report as report_table
from shared.database import transaction
from shared.events import Alert, Report
from shared.topics import ALERTS
from tests.tracker.reports import received
from tests.tracker.reports import report as make

NOW = datetime.now(UTC)
VALMONT = "Centre hospitalier de Valmont"


def report(*args: Any, **more: Any) -> Report:
    """Make a report around the present moment."""
    return make(*args, now=NOW - timedelta(days=3), **more)


async def handle(engine: AsyncEngine, *reports: Report) -> None:
    await handler(engine, asyncio.Event())(received(*reports))


async def alerts_of(engine: AsyncEngine) -> list[Alert]:
    """Return what stands in the outbox, in order."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox.c.topic, outbox.c.value).order_by(outbox.c.id))).all()
    assert {row.topic for row in rows} <= {ALERTS}
    return [Alert.model_validate_json(row.value) for row in rows]


async def told(engine: AsyncEngine) -> list[tuple[str, int]]:
    return [(alert.reason.value, alert.version) for alert in await alerts_of(engine)]


async def count_rows(engine: AsyncEngine) -> list[int | None]:
    async with transaction(engine) as connection:
        return [
            await connection.scalar(select(func.count()).select_from(table))
            for table in (inbox, report_table, incident, incident_version, outbox)
        ]
