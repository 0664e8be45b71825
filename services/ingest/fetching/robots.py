"""Ask each site's robots.txt before a page of it is fetched (RFC 9309)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

from services.ingest.fetching.fetch import Fetched, Fetcher, Wishes

PRODUCT = "CodeGrey"
KEEP_S = 24 * 3600.0
KEEP_FAILURE_S = 3600.0
_LARGEST = 512 * 1024
_WITHIN_S = 10.0
_SITES = 2_000


@dataclass
class _Site:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Protego | None = None
    closed: str = ""
    until: float = 0.0


class Robots:
    """Remember the rules of each site for a day, and for an hour that they could not be read."""

    def __init__(self) -> None:
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    async def refuses(self, url: str, fetcher: Fetcher) -> str:
        """Say why `url` may not be fetched, or nothing where it may."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        site = self._sites.setdefault(origin, _Site())
        self._sites.move_to_end(origin)
        while len(self._sites) > _SITES:
            self._sites.popitem(last=False)
        async with site.lock:
            if time.monotonic() >= site.until:
                wishes = Wishes(max_body=_LARGEST, within_s=_WITHIN_S, accept="text/plain, */*;q=0.5")
                self._learn(site, await fetcher.fetch(f"{origin}/robots.txt", wishes=wishes))
        if site.closed:
            return site.closed
        if site.rules is not None and not site.rules.can_fetch(url, PRODUCT):
            return "the site's robots.txt forbids it"
        return ""

    def _learn(self, site: _Site, answer: Fetched) -> None:
        """Take the rules over; where a site is in trouble nothing of it may be fetched (RFC 9309, 2.3.1.4)."""
        site.rules, site.closed = None, ""
        keep_s = KEEP_S
        if answer.error is not None or answer.status is None or answer.status >= 500:
            site.closed = f"the site's robots.txt cannot be read ({answer.error or f'answered {answer.status}'})"
            keep_s = KEEP_FAILURE_S
        elif answer.status == 200:
            site.rules = Protego.parse(answer.body.decode("utf-8", "replace"))
        site.until = time.monotonic() + keep_s
