"""See whether canaries arrive: match them, send them for real to a sink of our own, and miss them when they stay away.

The sink is a web server on loopback behind an address that nobody can guess; each process has its own, and
Apprise posts to it as to anybody's webhook. Which canaries arrived stands in the database, so that every replica
comes to the same answer. Each arrival may be told to an address outside, which misses it when all of this is dead.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.notifier.config import CANARY, Channel, Subscription, Subscriptions, Target
from services.notifier.message import alert_message
from services.notifier.metrics import CANARY_LATE, CANARY_PINGS, CANARY_SECONDS
from services.notifier.route import Tell, decide
from services.notifier.store import add_deliveries, delivery_rows
from shared import canary
from shared.consume import Received
from shared.database import transaction
from shared.errors import Transient
from shared.events import Alert
from shared.http import serving_app
from shared.log import get_logger
from shared.purge import Bite
from shared.settings import CHANNEL_PREFIX, Settings
from shared.steady import uninterrupted
from shared.trouble import Trouble

log = get_logger()

LOOK_EVERY_S = 5.0
PING_WITHIN_S = 10.0
SUBSCRIPTION = Subscription.model_construct(name=CANARY, channels=(CANARY,), minimum_level=1)
"""Matches as a person's would; it stands in no file."""

# One that is older than its row would be kept is read from the start of the topic: it proves nothing any more.
_MATCHED = text("""
    INSERT INTO notifier.canary (alert_id, published_at)
    SELECT CAST(:alert AS varchar), CAST(:published AS timestamptz)
    WHERE CAST(:published AS timestamptz) > clock_timestamp() - make_interval(days => :days)
    ON CONFLICT DO NOTHING RETURNING alert_id
""")
_COUNTED = text("""
    INSERT INTO notifier.canary_day (day, count) VALUES ((now() AT TIME ZONE 'UTC')::date, 1)
    ON CONFLICT (day) DO UPDATE SET count = canary_day.count + 1
""")
_TAKEN = text("""
    UPDATE notifier.canary SET taken_at = clock_timestamp() WHERE alert_id = :alert AND taken_at IS NULL
    RETURNING extract(epoch FROM taken_at - published_at)::float8
""")
# A canary that operators were told to be missing is missing until one arrives, also after a start.
_SEEN = text("""
    SELECT clock_timestamp() AS now, max(taken_at) AS taken, max(matched_at) AS matched,
           (SELECT told_at FROM notifier.trouble WHERE key = 'canary') AS told
    FROM notifier.canary
""")

PURGE = (
    Bite(
        "canaries",
        canary.KEPT_DAYS,
        "DELETE FROM notifier.canary WHERE alert_id IN (SELECT alert_id FROM notifier.canary "
        "WHERE matched_at < clock_timestamp() - make_interval(days => :days) LIMIT :rows)",
    ),
    Bite(
        "canaries' deliveries",
        canary.KEPT_DAYS,
        f"DELETE FROM notifier.delivery WHERE id IN (SELECT id FROM notifier.delivery WHERE subscription = '{CANARY}' "  # noqa: S608
        "AND created_at < clock_timestamp() - make_interval(days => :days) LIMIT :rows)",
    ),
    Bite(
        "canaries' days",
        60,
        "DELETE FROM notifier.canary_day WHERE day IN (SELECT day FROM notifier.canary_day "
        "WHERE day < clock_timestamp() - make_interval(days => :days) LIMIT :rows)",
    ),
)


async def match_canaries(connection: AsyncConnection, canaries: Sequence[Received[Alert]]) -> None:
    """Decide on each as on any alert, and queue its delivery to the sink; one that comes again changes nothing."""
    for one in canaries:
        alert = one.event
        published = alert.first_published or alert.opened_at
        values = {"alert": alert.id, "published": published, "days": canary.KEPT_DAYS}
        if not (await connection.execute(_MATCHED, values)).first():
            continue
        await connection.execute(_COUNTED)
        decision = decide(alert, SUBSCRIPTION, None, alert.created_at)
        if decision.tell is not Tell.OPENING:
            log.error("the canary was not matched", why=decision.reason)
            continue
        rows = delivery_rows(
            alert_message(alert, decision, CANARY),
            [Target(CANARY, "webhook")],
            subject_id=alert.id,
            subscription_name=CANARY,
            incidents=[alert.incident_id],
            correlation_id=one.trace.correlation_id,
        )
        await add_deliveries(connection, rows)


@dataclass(frozen=True)
class Seen:
    """What is known of canaries: when the last was taken, and matched; when operators were told that they miss."""

    now: datetime
    started: datetime
    taken: datetime | None = None
    matched: datetime | None = None
    told: datetime | None = None


def missing(seen: Seen, every_s: int) -> str | None:
    """Say why the road counts as closed, or None. Pure."""
    if not every_s:
        return None
    arrived = seen.taken
    if arrived and seen.told and arrived > seen.told:
        since = arrived
    elif seen.told:
        return _words(seen, arrived)
    else:
        since = max(arrived, seen.started) if arrived else seen.started
    if (seen.now - since).total_seconds() <= canary.late_after_s(every_s):
        return None
    return _words(seen, arrived)


def _words(seen: Seen, arrived: datetime | None) -> str:
    last = f"the last arrived at {arrived:%Y-%m-%d %H:%M} UTC" if arrived else "none has arrived yet"
    here = seen.matched is not None and (arrived is None or seen.matched > arrived)
    where = "it was matched and not sent" if here else "it did not come as far as the notifier"
    return f"{last}; {where}"


@dataclass
class Canary:
    """One process's part: the sink, the ping, and the look whether they arrive."""

    engine: AsyncEngine
    settings: Settings
    _missing: str | None = None
    _started: datetime | None = None
    _pings: set[asyncio.Task[bool]] = field(default_factory=set)

    def trouble(self) -> str | None:
        """Say why the road counts as closed, or None: the readiness check."""
        return f"the canary is late: {self._missing}" if self._missing else None

    async def troubles(self) -> list[Trouble]:
        """Return the same for the operators."""
        if self._started is None:
            await self.look()
        if not self._missing:
            return []
        advice = (
            f"Items that prove the whole road come every {self.settings.canary_every_s / 60:.0f} minutes; "
            f"{self._missing}. Until they do, alerts may not arrive either. See `codegrey status`."
        )
        return [Trouble("canary", "the canary is late: the road from feed to alert may be closed", advice)]

    async def run(self) -> None:
        """Serve the sink and look, until cancelled."""
        path = f"/canary/{secrets.token_urlsafe(24)}"
        async with serving_app(Starlette(routes=[Route(path, self._take, methods=["POST"])])) as port:
            # Where `Settings.channel_secret` finds it, as any webhook's.
            os.environ[f"{CHANNEL_PREFIX}_CANARY"] = f"http://127.0.0.1:{port}{path}"
            while True:
                try:
                    await uninterrupted(self.look())
                except Transient as fault:
                    log.debug("canaries not looked for", fault=str(fault))
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> str | None:
        """See whether one is missing."""
        async with transaction(self.engine) as connection:
            row = (await connection.execute(_SEEN)).one()
        self._started = self._started or row.now
        seen = Seen(row.now, self._started, row.taken, row.matched, row.told)
        self._missing = missing(seen, self.settings.canary_every_s)
        CANARY_LATE.set(1 if self._missing else 0)
        return self._missing

    async def _take(self, request: Request) -> Response:
        body: Any = await request.json()
        async with transaction(self.engine) as connection:
            took = await connection.scalar(_TAKEN, {"alert": str(body["alert"]["alert_id"])})
        if took is not None:
            CANARY_SECONDS.observe(took)
            log.info("canary arrived", seconds=round(took, 3))
            ping = asyncio.create_task(self.ping())
            self._pings.add(ping)
            ping.add_done_callback(self._pings.discard)
        return JSONResponse({})

    async def ping(self) -> bool:
        """Tell the dead man's switch, where there is one; its address is a secret and never logged."""
        url = self.settings.canary_ping_url.get_secret_value()
        if not url:
            return False
        try:
            async with asyncio.timeout(PING_WITHIN_S), httpx2.AsyncClient(timeout=PING_WITHIN_S) as client:
                answer = await client.request(self.settings.canary_ping_method, url, follow_redirects=True)
            problem = "" if answer.is_success else f"answered {answer.status_code}"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError, ValueError) as fault:
            problem = type(fault).__name__
        CANARY_PINGS.labels("failed" if problem else "taken").inc()
        if problem:
            log.warning("the dead man's switch was not told of the canary", why=problem)
        return not problem


@dataclass
class WithSink:
    """The configuration in force, with the sink's channel beside a person's."""

    config: Callable[[], Subscriptions]
    _seen: Subscriptions | None = None
    _with: Subscriptions | None = None

    def __call__(self) -> Subscriptions:
        """Return it; made anew only where the file was read anew."""
        current = self.config()
        if self._with is None or current is not self._seen:
            self._seen = current
            self._with = current.model_copy(update={"channels": {**current.channels, CANARY: Channel(kind="webhook")}})
        return self._with
