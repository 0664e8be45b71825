"""Write polls that brought nothing, many in one transaction: most polls are of that kind.

A lease that was lost in the meantime writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.conclude import Conclusion, conclude
from services.ingest.fetching.fetch import Fetched
from services.ingest.store import Claim
from shared.database import database_now, transaction

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
class Quiet:
    """A poll that brought nothing."""

    claim: Claim
    fetched: Fetched
    jitter: float


async def record_unchanged(engine: AsyncEngine, polls: Sequence[Quiet]) -> list[Conclusion | None]:
    """Conclude and write; None for each whose lease was lost."""
    async with transaction(engine) as connection:
        now = await database_now(connection)
        concluded = [
            conclude(one.claim.state, one.fetched, None, body_hash=None, now=now, jitter=one.jitter) for one in polls
        ]
        rows = [
            {name: conclusion.values[name] for name in _COLUMNS} | {"url": one.claim.url, "owner": one.claim.owner}
            for one, conclusion in zip(polls, concluded, strict=True)
        ]
        saved = await connection.execute(_SAVE, {"rows": json.dumps(rows, default=lambda at: at.isoformat())})
        written = set(saved.scalars())
    return [conclusion if one.claim.url in written else None for one, conclusion in zip(polls, concluded, strict=True)]
