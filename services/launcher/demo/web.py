"""Serve a web application in this event loop, on a socket that is already bound."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from starlette.types import ASGIApp

STOP_WITHIN_S = 2


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals to whoever runs the event loop."""
        return nullcontext()


class WebServer:
    """A running web server."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=STOP_WITHIN_S,
            log_config=None,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve. The socket listens already: whoever connects before the server is up waits a moment."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.should_exit = True
        if self._task:
            await self._task
        self._listener.close()
