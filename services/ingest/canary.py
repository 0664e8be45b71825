"""Serve the canary's feed on a port of our own, and have it polled like any other.

Every process serves the same address to itself: whichever claims the feed reads its own copy over
real HTTP. Each answer holds one item that was never there before.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from ssrfguard import Policy
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.ingest.fetching.fetch import Fetched, Fetcher, Validators, Wishes
from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile
from shared import canary
from shared.http import serving_app
from shared.purge import Bite

_TITLE = "Ransomware attack closes emergency department of Greyfinch General Hospital"
_TEXT = (
    "Greyfinch General Hospital said on Tuesday that a ransomware attack has encrypted its network. The emergency "
    "department is closed and ambulances are diverted to other hospitals. Doctors work on paper; surgery has been "
    "cancelled until the systems are restored."
)
"""No such hospital: the judge must find it a grave attack, whatever else it learns."""

PURGE = (
    Bite(
        "canaries",
        canary.KEPT_DAYS,
        f"DELETE FROM ingest.entry WHERE (entry_id, revision) IN (SELECT entry_id, revision FROM ingest.entry "  # noqa: S608
        f"WHERE feed_url = '{canary.FEED}' AND stored_at < clock_timestamp() - make_interval(days => :days) "
        "LIMIT :rows)",
    ),
)


def document(now: datetime) -> dict[str, object]:
    """Write the feed as it is at this moment: one item of its own."""
    number = f"{now.timestamp():.6f}"
    item = {
        "id": f"canary-{number}",
        # A headline and a text of its own: what was said before would be recognised.
        "title": f"{_TITLE} ({number})",
        "content_text": f"{_TEXT} This is canary {number}.",
        "date_published": now.isoformat(),
        "language": "en",
    }
    return {"version": "https://jsonfeed.org/version/1.1", "title": canary.NAME, "items": [item]}


class CanaryFetcher(Fetcher):
    """Fetch as ever, but for the canary's address, which leads to this process."""

    def __init__(self, policy: Policy, *, user_agent: str, connections: int) -> None:
        super().__init__(policy, user_agent=user_agent, connections=connections)
        self.port = 0

    async def fetch(self, url: str, validators: Validators | None = None, wishes: Wishes | None = None) -> Fetched:
        """Fetch `url`; the answer to the canary's carries the canary's address."""
        if url != canary.FEED:
            return await super().fetch(url, validators, wishes)
        if not self.port:
            return Fetched(url, url, error="the canary's feed is not served yet")
        fetched = await super().fetch(f"http://127.0.0.1:{self.port}/feed.json", validators, wishes)
        return replace(fetched, url=url, final_url=url)

    async def serve(self) -> None:
        """Serve the canary's feed until cancelled."""
        async with serving_app(Starlette(routes=[Route("/feed.json", _answer)])) as self.port:
            await asyncio.Event().wait()


def with_canary(file: FeedsFile, fetcher: Fetcher, every_s: int) -> FeedsFile:
    """Add the canary's feed to what a person configured, where this process serves it and it is wanted."""
    if not every_s or not isinstance(fetcher, CanaryFetcher):
        return file
    feed = Feed(
        url=canary.FEED,
        name=canary.NAME,
        interval=every_s,
        full_text="never",
        # It is our own machine's address, and needs neither spacing nor permission.
        allow_private=True,
    )
    # A list that somebody brought in may name it, too: twice in one statement the database would refuse all of them.
    others = (one for one in file.feeds if one.url != canary.FEED)
    return file.model_copy(update={"feeds": (*others, feed)})


async def _answer(_request: Request) -> Response:
    return JSONResponse(document(datetime.now(UTC)), media_type="application/feed+json")
