"""Health and metrics of one service over HTTP: `/live`, `/ready`, `/metrics`.

Bound to loopback unless told otherwise; the Host header is checked, so that a web page in
somebody's browser cannot reach it by DNS rebinding. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.metrics import READY
from shared.settings import Settings

Check = Callable[[], str | None]


@dataclass
class Health:
    """The checks of one service: each returns None, or why the service is not ready."""

    service: str
    checks: dict[str, Check] = field(default_factory=dict)
    fatal: str | None = None

    def troubles(self) -> dict[str, str]:
        """Ask every check and return what is wrong, by name."""
        wrong: dict[str, str] = {"process": self.fatal} if self.fatal else {}
        for name, check in self.checks.items():
            reason = check()
            READY.labels(name).set(0 if reason else 1)
            if reason:
                wrong[name] = reason
        return wrong


def health_app(health: Health, settings: Settings) -> Starlette:
    """Build the web application that answers for one service."""

    async def live(_request: Request) -> Response:
        status = 503 if health.fatal else 200
        return JSONResponse({"service": health.service, "live": status == 200}, status)

    async def ready(_request: Request) -> Response:
        wrong = health.troubles()
        body = {"service": health.service, "ready": not wrong, "troubles": wrong}
        return JSONResponse(body, 503 if wrong else 200)

    async def metrics(_request: Request) -> Response:
        health.troubles()
        return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})

    # A port in the Host header is cut off by the middleware before it compares.
    hosts = [host.strip() for host in settings.http_allowed_hosts.split(",") if host.strip()]
    return Starlette(
        routes=[Route("/live", live), Route("/ready", ready), Route("/metrics", metrics)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
    )


class _Server(uvicorn.Server):
    """A server inside our event loop that leaves signals to the service."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals alone."""
        return nullcontext()


@asynccontextmanager
async def serving(health: Health, settings: Settings) -> AsyncIterator[int]:
    """Serve health and metrics while inside; yields the port."""
    async with serving_app(health_app(health, settings), settings.http_host, settings.http_port) as port:
        yield port


@asynccontextmanager
async def serving_app(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve a web application while inside; yields the port, a free one where 0 was asked for."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - the library offers no event
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()
