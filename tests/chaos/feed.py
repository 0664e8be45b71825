"""A feed over real HTTP whose entries trickle in as the chaos run adds them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from tests.chaos.attacks import Attack

NEWEST = 150
"""Entries shown at once, as real feeds do; far more than can be added while a reader is away."""


class Feed:
    """Serve the newest attacks as RSS."""

    def __init__(self) -> None:
        self.attacks: list[Attack] = []
        self.url = ""

    def add(self, attack: Attack) -> None:
        """Publish one more entry."""
        self.attacks.append(attack)

    async def answer(self, request: web.Request) -> web.Response:
        """Serve the feed, or 304 where nothing was added."""
        tag = f'"{len(self.attacks)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        entries = "".join(attack.entry() for attack in reversed(self.attacks[-NEWEST:]))
        body = f"<rss version='2.0'><channel><title>Chaos News</title>{entries}</channel></rss>"
        return web.Response(text=body, content_type="application/rss+xml", headers={"ETag": tag})

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Feed]:
        """Serve on a free port of loopback while inside."""
        app = web.Application()
        app.router.add_get("/feed.xml", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/feed.xml"
        try:
            yield self
        finally:
            await runner.cleanup()
