"""A real WebSub hub on loopback: it takes subscriptions, asks whether they are meant, and delivers signed."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http import serving_app

CHALLENGE = "challenge-1"


@dataclass
class Hub:
    """What it was asked, and how it behaves."""

    port: int = 0
    status: int = 202
    lease: str = "3600"
    mode: str = ""
    """What it says in place of the mode it was asked for; "silent" asks nothing back."""
    requests: list[dict[str, str]] = field(default_factory=list)
    answers: list[httpx2.Response] = field(default_factory=list)
    """What our callback said to its questions."""
    _asking: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hub"

    async def take(self, request: Request) -> Response:
        """Take a request, and ask back at its callback."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.requests.append(form)
        if self.status == 202 and self.mode != "silent":
            self._asking.append(asyncio.create_task(self.ask_back(form)))
        return Response(status_code=self.status)

    async def ask_back(self, form: dict[str, str], **other: str) -> httpx2.Response:
        """Ask the callback whether it means it."""
        asked = {
            "hub.mode": self.mode or form["hub.mode"],
            "hub.topic": form["hub.topic"],
            "hub.challenge": CHALLENGE,
            "hub.lease_seconds": self.lease,
        } | {name.replace("_", ".", 1): value for name, value in other.items()}
        async with httpx2.AsyncClient() as client:
            answer = await client.get(form["hub.callback"], params=asked)
        self.answers.append(answer)
        return answer

    async def deliver(self, body: bytes, *, secret: str | None = None, **headers: str | bytes) -> httpx2.Response:
        """Send new content to whoever subscribed last, signed."""
        form = next(one for one in reversed(self.requests) if one["hub.mode"] == "subscribe")
        signature = hmac.new((secret or form["hub.secret"]).encode(), body, "sha256").hexdigest()
        given: dict[str, str | bytes] = {
            "content-type": "application/rss+xml",
            "x-hub-signature": f"sha256={signature}",
            "link": f'<{self.url}>; rel="hub", <{form["hub.topic"]}>; rel="self"',
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx2.AsyncClient() as client:
            return await client.post(form["hub.callback"], content=body, headers=given)


@asynccontextmanager
async def hub_server() -> AsyncIterator[Hub]:
    """Serve a hub while inside."""
    hub = Hub()
    async with serving_app(Starlette(routes=[Route("/hub", hub.take, methods=["POST"])])) as hub.port:
        yield hub
