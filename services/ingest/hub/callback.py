"""What a hub finds at the address we gave it: it asks whether we mean it, and it delivers.

The address names a subscription and cannot be guessed; a delivery is believed by its signature alone.
Its entries go the way of all others: the same parser, identity and transaction, so that the poll
which finds them again finds nothing new.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.ingest.conclude import FeedState
from services.ingest.decide import identify
from services.ingest.fetching.link_header import link_of
from services.ingest.fetching.request_body import BodyRefused, read_body
from services.ingest.full_text import may_concern_us
from services.ingest.hub.rules import State, Subscription, answer, relied_until, signature_is_right
from services.ingest.hub.store import save_answer, subscription_of
from services.ingest.metrics import HUB_PUSHES
from services.ingest.poll import Tools, full_texts
from services.ingest.publish import Published, Read, publish
from services.ingest.quiet import remember
from services.ingest.store import read_state
from services.ingest.tables import feed, hub_subscription
from shared.database import database_now, transaction
from shared.errors import Transient
from shared.log import get_logger

log = get_logger()
PAGES_WITHIN_S = 8.0
"""For the full texts of candidates: a hub waits for our answer."""
_SAFE = {"X-Content-Type-Options": "nosniff"}


def hub_routes(tools: Tools) -> list[Route]:
    """Return the routes at which hubs reach us."""

    async def verify(request: Request) -> Response:
        async with transaction(tools.engine) as connection:
            subscription = await subscription_of(connection, request.path_params["token"], lock=True)
            if subscription is None:
                return _said(404, "no such subscription")
            given = answer(subscription, request.query_params, await database_now(connection))
            if given.believed:
                await save_answer(connection, subscription, given)
        log.info("hub asks", hub=subscription.hub, topic=subscription.topic[:200], outcome=given.reason)
        if not given.believed:
            return _said(404, given.reason)
        return PlainTextResponse(request.query_params.get("hub.challenge", ""), headers=_SAFE)

    async def deliver(request: Request) -> Response:
        async with transaction(tools.engine) as connection:
            subscription = await subscription_of(connection, request.path_params["token"])
        if subscription is None or subscription.state is not State.ACTIVE:
            # 410 tells a hub to stop.
            return _counted("unknown", _said(410, "no such subscription"))
        body = await read_body(request)
        if not signature_is_right(subscription.secret, request.headers.get("x-hub-signature", ""), body):
            log.warning("a delivery without the hub's signature", hub=subscription.hub, topic=subscription.topic[:200])
            return _counted("forged", _said(403, "the signature is missing or wrong"))
        topic = link_of(", ".join(request.headers.getlist("link")), "self", subscription.topic)
        if topic not in {None, subscription.topic}:
            return _counted("wrong topic", _said(404, "this subscription has another topic"))
        return await _take(subscription, body, request.headers.get("content-type", ""), tools)

    async def route(request: Request) -> Response:
        try:
            return await (deliver(request) if request.method == "POST" else verify(request))
        except BodyRefused as refused:
            return _counted("refused", _said(refused.status, str(refused)))
        except Transient:
            return PlainTextResponse("try again", 503, {"Retry-After": "10"} | _SAFE)

    return [Route("/hub/{token}", route, methods=["GET", "POST"])]


def _said(status: int, words: str) -> Response:
    return PlainTextResponse(words, status, headers=_SAFE)


def _counted(outcome: str, response: Response) -> Response:
    HUB_PUSHES.labels(outcome).inc()
    return response


async def _take(subscription: Subscription, body: bytes, content_type: str, tools: Tools) -> Response:
    """Store what was delivered, and answer when it is durable."""
    async with transaction(tools.engine) as connection:
        state = await _feed_state(connection, subscription, lock=False)
    if state is None:
        return _counted("unknown", _said(410, "the feed is not read any more"))
    parsed = await tools.parsers.parse(body, url=subscription.topic, content_type=content_type, how=state.config.how())
    if parsed.error:
        return _counted("unreadable", _said(400, parsed.error))
    candidates = identify(subscription.feed_url, parsed.entries, datetime.now(UTC))
    read = Read(replace(state, last_success_at=datetime.now(UTC)), parsed, candidates)
    concerning = await asyncio.to_thread(may_concern_us, candidates)
    try:
        async with asyncio.timeout(PAGES_WITHIN_S):
            read = replace(read, pages=await full_texts(read, concerning, tools))
    except TimeoutError:
        log.info("pages of pushed entries took too long", feed=state.config.label)
    read = replace(read, concerning=frozenset(one.entry_id for one in concerning))
    published = await _store(subscription, read, tools)
    if published is None:
        return _counted("unknown", _said(410, "the feed is not read any more"))
    if published.items:
        tools.wake.set()
        log.info("pushed by a hub", feed=state.config.label, new=len(published.items), show=True)
    return _counted("taken", _said(202, "taken"))


async def _store(subscription: Subscription, read: Read, tools: Tools) -> Published | None:
    """Write the entries and what they say of the hub, in one transaction."""
    async with tools.writing, transaction(tools.engine) as connection:
        state = await _feed_state(connection, subscription, lock=True)
        held = await subscription_of(connection, subscription.token, lock=True)
        if state is None or held is None:
            return None
        now = await database_now(connection)
        [published] = await publish(connection, [replace(read, state=replace(state, last_success_at=now))], now)
        new = [item.published or now for item in published.items if item.revision == 1]
        values = {
            "pushed_until": relied_until(held.lease_until, now),
            "entries": feed.c.entries + len(new),
            "recent": remember(state.recent, new, now) if new else state.recent or None,
        }
        values |= {"last_new_at": now} if published.items else {}
        await connection.execute(update(feed).where(feed.c.url == subscription.feed_url).values(**values))
        mine = hub_subscription.c.token == subscription.token
        await connection.execute(update(hub_subscription).where(mine).values(pushed_at=now))
    return published


async def _feed_state(connection: AsyncConnection, subscription: Subscription, *, lock: bool) -> FeedState | None:
    query = select(feed).where(feed.c.url == subscription.feed_url, feed.c.active, feed.c.ended_at.is_(None))
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return read_state(dict(row)) if row else None
