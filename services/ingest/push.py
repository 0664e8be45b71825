"""Take items that others push: POST them with a token, one or many; 202 means that they are durable.

An item is one of a JSON Feed (`id`, `url`, `title`, `summary`, `content_text` or `content_html`,
`date_published`, `language`); a batch is a list of them, or an object with `items`. It goes the
way of every entry: the same parser process, the same identity, the same transaction.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.ingest.conclude import FeedState
from services.ingest.decide import identify
from services.ingest.fetching.request_body import BodyRefused, read_body
from services.ingest.fetching.wishes import read_secret
from services.ingest.hub.callback import hub_routes
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.poll import Tools
from services.ingest.publish import Read, publish
from services.ingest.sources.feeds_file import Push, PushSource
from services.ingest.story.urls import host_of
from shared.database import database_now, transaction
from shared.errors import Transient
from shared.log import get_logger

log = get_logger()
MOST_ITEMS = 500
LAST_ANSWERS_S = 5
"""For what is under way when the service ends."""
MOST_AT_ONCE = 200
"""Connections that send to us at a time; more are told to come back."""
_VERSION = "https://jsonfeed.org/version/1.1"


def push_app(push: Callable[[], Push | None], tools: Tools, *, hosts: list[str]) -> Starlette:
    """Build the application; `push` returns the configuration as it stands now."""

    async def take(request: Request) -> Response:
        source = _admitted(push(), request, tools.secrets)
        if source is None:
            return _answer(401, "unknown source or wrong token")
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return _answer(415, "send application/json")
        try:
            body = await read_body(request)
        except BodyRefused as refused:
            return _answer(refused.status, str(refused))
        try:
            items = _items(json.loads(body))
        except (ValueError, RecursionError) as error:
            return _answer(400, f"not to be read: {error}"[:300])
        try:
            new = await _store(source, items, tools)
        except Transient:
            return JSONResponse({"error": "the database is away; try again"}, 503, {"Retry-After": "10"})
        except ValueError as error:
            return _answer(400, str(error))
        return JSONResponse({"accepted": len(items), "new": new}, 202)

    return Starlette(
        routes=[Route("/push/{name}", take, methods=["POST"]), *hub_routes(tools)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
    )


def _answer(status: int, error: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": error}, status, headers)


def _admitted(push: Push | None, request: Request, secrets: Path) -> PushSource | None:
    """Return the source that the request speaks for, where its token is right."""
    name = request.path_params["name"]
    source = next((one for one in push.sources if one.name == name), None) if push else None
    token = read_secret(secrets, source.token_file) if source else ""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Compared even where there is nothing to compare with: the time tells nobody which names exist.
    right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), (token or "none").encode())
    return source if source and token and right and scheme.lower() == "bearer" else None


def _items(document: Any) -> list[dict[str, Any]]:
    """Return the items of a batch or of a single one; raises ValueError in words."""
    if isinstance(document, dict):
        document = document["items"] if isinstance(document.get("items"), list) else [document]
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        raise ValueError("send an item, a list of items, or an object with `items`")
    if len(document) > MOST_ITEMS:
        raise ValueError(f"more than {MOST_ITEMS} items at once")
    for number, item in enumerate(document, start=1):
        if not any(str(item.get(key) or "").strip() for key in ("title", "summary", "content_text", "content_html")):
            raise ValueError(f"item {number} has neither title nor text")
    return document


async def _store(source: PushSource, items: list[dict[str, Any]], tools: Tools) -> int:
    """Parse and write the items in one transaction; return how many were new or revised."""
    feed = json.dumps({"version": _VERSION, "title": source.name, "items": items}).encode()
    parsed: ParsedFeed = await tools.parsers.parse(feed, url="", content_type="application/feed+json")
    if parsed.error:
        raise ValueError(parsed.error)
    async with tools.writing, transaction(tools.engine) as connection:
        now = await database_now(connection)
        state = FeedState(config=source.as_feed(), last_success_at=now)
        candidates = identify(state.config.url, parsed.entries, now)
        [published] = await publish(connection, [Read(state, parsed, candidates)], now)
    if published.items:
        tools.wake.set()
        log.info("pushed", source=source.name, new=len(published.items), show=True)
    return len(published.items)


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals to the service."""
        return nullcontext()


async def serve_pushes(push: Callable[[], Push | None], tools: Tools, hosts: list[str]) -> None:
    """Serve until cancelled, on the address that is configured when this starts."""
    configured = push()
    assert configured is not None
    host, _, port = configured.listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host.strip("[]"), int(port)))
    if configured.callback:
        hosts = [*hosts, host_of(configured.callback)]
    config = uvicorn.Config(
        push_app(push, tools, hosts=hosts),
        log_level="warning",
        access_log=False,
        lifespan="off",
        limit_concurrency=MOST_AT_ONCE,
        server_header=False,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    log.info("taking pushes", address=configured.listen, show=True)
    try:
        # Shielded: a server whose task is cancelled leaves its connections as they are.
        await asyncio.shield(task)
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listener.close()
