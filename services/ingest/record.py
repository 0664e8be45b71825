"""Write many polls that brought nothing in one transaction: most polls are of that kind.

Each waits until its row is durable. A lease that was lost in the meantime writes nothing.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.conclude import Conclusion, conclude
from services.ingest.fetch import Fetched
from services.ingest.store import Claim
from shared.database import database_now, transaction

GATHER_S = 0.005
MOST = 200

_SAVE = text("""
UPDATE ingest.feed AS feed SET
    last_status = r.last_status, last_success_at = r.last_success_at, last_error = NULL, failures = 0,
    moved_to = r.moved_to, etag = r.etag, last_modified = r.last_modified, validator_url = r.validator_url,
    last_poll_at = r.last_poll_at, next_poll_at = r.next_poll_at, next_poll_reason = r.next_poll_reason,
    lease_owner = NULL, lease_until = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    url text, owner text, last_status integer, last_success_at timestamptz, moved_to text, etag text,
    last_modified text, validator_url text, last_poll_at timestamptz, next_poll_at timestamptz,
    next_poll_reason text)
WHERE feed.url = r.url AND feed.lease_owner = r.owner AND feed.lease_until >= clock_timestamp()
RETURNING feed.url
""")
_COLUMNS = (
    "last_status",
    "last_success_at",
    "moved_to",
    "etag",
    "last_modified",
    "validator_url",
    "last_poll_at",
    "next_poll_at",
    "next_poll_reason",
)


@dataclass(frozen=True)
class _Waiting:
    claim: Claim
    fetched: Fetched
    jitter: float
    done: asyncio.Future[Conclusion | None]


class Recorder:
    """Gather polls that ended "unchanged" and write them together."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def unchanged(self, claim: Claim, fetched: Fetched, jitter: float) -> Conclusion | None:
        """Return the conclusion once it is durable; None where the lease was lost. Raises Transient."""
        done: asyncio.Future[Conclusion | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(claim, fetched, jitter, done))
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_S)
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                try:
                    written = await self._save(batch)
                except Exception as fault:
                    for one in batch:
                        if not one.done.done():
                            one.done.set_exception(fault)
                    continue
                for one in batch:
                    if not one.done.done():
                        one.done.set_result(written.get(one.claim.url))
        finally:
            self._task = None

    async def _save(self, batch: list[_Waiting]) -> dict[str, Conclusion]:
        async with transaction(self._engine) as connection:
            now = await database_now(connection)
            concluded = {
                one.claim.url: conclude(one.claim.state, one.fetched, None, body_hash=None, now=now, jitter=one.jitter)
                for one in batch
            }
            rows = [
                {name: concluded[one.claim.url].values[name] for name in _COLUMNS}
                | {"url": one.claim.url, "owner": one.claim.owner}
                for one in batch
            ]
            saved = await connection.execute(_SAVE, {"rows": json.dumps(rows, default=lambda at: at.isoformat())})
            return {url: concluded[url] for url in saved.scalars()}
