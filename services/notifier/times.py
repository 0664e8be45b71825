"""How long the road took of late, for `codegrey status`: of alerts that were told at once, and of the canary."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import transaction

# The newest are found by their number, so that this stays quick whatever is kept.
_ROAD = text("""
    SELECT count(*) AS deliveries,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS p50_s,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS p95_s,
           max(took) AS longest_s
    FROM (SELECT greatest(0, extract(epoch FROM finished_at - item_seen_at))::float8 AS took
          FROM (SELECT * FROM notifier.delivery ORDER BY seq DESC LIMIT 2000) newest
          WHERE state = 'sent' AND item_seen_at IS NOT NULL
            AND finished_at > clock_timestamp() - interval '24 hours') sent
""")
_CANARY = text("""
    SELECT taken_at, greatest(0, extract(epoch FROM taken_at - published_at))::float8 AS took_s
    FROM notifier.canary WHERE taken_at IS NOT NULL ORDER BY taken_at DESC LIMIT 1
""")


async def road_times(engine: AsyncEngine) -> dict[str, Any]:
    """Return how long deliveries of the last day took from first sight to the target's word, and the last canary."""
    async with transaction(engine) as connection:
        road = (await connection.execute(_ROAD)).mappings().one()
        canary = (await connection.execute(_CANARY)).mappings().first()
    times: dict[str, Any] = {"deliveries": road["deliveries"]}
    for name in ("p50_s", "p95_s", "longest_s"):
        times[name] = None if road[name] is None else round(road[name], 3)
    return times | {
        "last_canary": canary["taken_at"] if canary else None,
        "canary_took_s": round(canary["took_s"], 3) if canary else None,
    }
