"""A real HTTP server on loopback that answers like an OpenAI-compatible endpoint, as each test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Say = Callable[[dict[str, Any]], str]


def yes(shown: dict[str, Any]) -> str:
    """Say that it is an incident."""
    return json.dumps({"item": shown["item"], "incident": True})


def no(shown: dict[str, Any]) -> str:
    """Say that it is none."""
    return json.dumps({"item": shown["item"], "incident": False})


@dataclass
class ModelServer:
    """Remembers what it was asked; `say` makes the answer's words from what was shown."""

    url: str = ""
    say: Say = yes
    status: int = 200
    wait_s: float = 0.0
    body: bytes | None = None
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one question."""
        told = await request.json()
        self.asked.append(({name.lower(): value for name, value in request.headers.items()}, told))
        await asyncio.sleep(self.wait_s)
        if self.body is not None:
            return web.Response(body=self.body, status=self.status)
        content = self.say(json.loads(told["messages"][-1]["content"]))
        return web.json_response({"choices": [{"message": {"content": content}}]}, status=self.status)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Serve while inside."""
    server = ModelServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
