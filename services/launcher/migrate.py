"""Bring every schema to its newest version."""

from __future__ import annotations

from shared.database import migrate, open_engine
from shared.settings import Settings


async def run_migrations(settings: Settings) -> dict[str, tuple[str | None, str | None]]:
    """Migrate; return (before, after) of each schema."""
    engine = open_engine(settings)
    try:
        return await migrate(engine)
    finally:
        await engine.dispose()
