"""Publish the outlets' feeds and articles over HTTP, with validators and 304s as real publishers do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.launcher.demo.edition import Entry, changed_at, entries
from services.launcher.demo.memory import Memory
from services.launcher.demo.pages import page
from services.launcher.demo.samples import Outlet, outlets
from services.launcher.demo.syndication import MEDIA_TYPES, write_feed

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Publisher:
    """Answer for the outlets. The first reading of any feed starts the demo's calendar."""

    def __init__(self, memory: Memory, now: Clock = utc_now) -> None:
        self._memory = memory
        self._now = now
        self._outlets = {outlet.key: outlet for outlet in outlets()}
        self.routes = [
            Route("/{outlet}/feed.xml", self._feed),
            Route("/{outlet}/", self._front),
            Route("/{outlet}/{slug}", self._article),
        ]

    def shown(self, outlet: Outlet) -> tuple[Entry, ...]:
        """Return what an outlet shows now; before the first reading, what it will show first."""
        now = self._now()
        return entries(outlet, self._memory.started or now, now)

    def _outlet(self, request: Request) -> Outlet:
        outlet = self._outlets.get(request.path_params["outlet"])
        if outlet is None:
            raise HTTPException(404)
        return outlet

    async def _feed(self, request: Request) -> Response:
        outlet = self._outlet(request)
        started = self._memory.begin(self._now())
        shown = self.shown(outlet)
        changed = changed_at(shown, started)
        body = write_feed(outlet, shown, changed, f"{str(request.base_url).rstrip('/')}/{outlet.key}")
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"ETag": tag, "Last-Modified": format_datetime(changed, usegmt=True), "Cache-Control": "no-cache"}
        if unchanged(request, tag, changed):
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "Content-Type": f"{MEDIA_TYPES[outlet.format]}; charset=utf-8"})

    async def _front(self, request: Request) -> Response:
        outlet = self._outlet(request)
        return page("outlet.html", outlet=outlet, entries=self.shown(outlet))

    async def _article(self, request: Request) -> Response:
        outlet, slug = self._outlet(request), request.path_params["slug"]
        found = next((entry for entry in self.shown(outlet) if entry.article.slug == slug), None)
        if found is None:
            if any(article.slug == slug for article in outlet.articles):  # not published yet
                return RedirectResponse(f"/{outlet.key}/", 302)
            raise HTTPException(404)
        return page("article.html", outlet=outlet, entry=found)


def unchanged(request: Request, tag: str, changed: datetime) -> bool:
    """Tell whether the reader has this very document; If-None-Match outranks If-Modified-Since."""
    if given := request.headers.get("if-none-match"):
        return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    if since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return changed.replace(microsecond=0) <= since
