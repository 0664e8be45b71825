"""Items that others push: who may, what is refused, and that 202 means durable."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.poll import Tools
from services.ingest.push import MOST_ITEMS, push_app
from services.ingest.sources.feeds_file import Push
from services.ingest.tables import outbox
from shared.database import transaction
from shared.events import Arrival, NewsItem

pytestmark = pytest.mark.servers
Post = Callable[..., Any]
ITEM = {"id": "1", "title": "Attack on a hospital", "content_text": "Text.", "url": "https://a.example/1"}


@pytest.fixture
async def post(tools: Tools, tmp_path: Path) -> AsyncIterator[Post]:
    """Post to one source that may push."""
    (tmp_path / "desk_token").write_text("right\n")
    tools.secrets = tmp_path
    push = Push.model_validate(
        {"sources": [{"name": "desk", "token_file": "desk_token", "country": "FR", "language": "fr"}]}
    )
    app = push_app(lambda: push, tools, hosts=["127.0.0.1"])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def send(document: object, path: str = "/push/desk", token: str = "right", **headers: str) -> Any:
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            given = {"authorization": f"Bearer {token}", "content-type": "application/json"} | headers
            return await client.post(path, content=content, headers=given)

        yield send


async def published(engine: AsyncEngine) -> list[NewsItem]:
    """Read the outbox."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox.c.value).order_by(outbox.c.id))).scalars().all()
    return [NewsItem.model_validate_json(value) for value in rows]


async def test_items_are_durable_before_they_are_accepted(post: Post, engine: AsyncEngine, tools: Tools) -> None:
    """One or many; the same one twice is harmless, an edited one is a revision."""
    answer = await post(ITEM)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "new": 1})
    [news] = await published(engine)
    assert (news.title, news.feed, news.source, news.arrival) == (
        "Attack on a hospital",
        "push:desk",
        "desk",
        Arrival.LIVE,
    )
    assert (news.country, news.language, news.url) == ("FR", "fr", "https://a.example/1")
    assert tools.wake.is_set()
    assert (await post([ITEM, {"title": "Another"}])).json() == {"accepted": 2, "new": 1}
    assert (await post({"items": [ITEM | {"title": "Edited"}]})).json()["new"] == 1
    assert [(one.title, one.revision) for one in await published(engine)] == [
        ("Attack on a hospital", 1),
        ("Another", 1),
        ("Edited", 2),
    ]


@pytest.mark.parametrize(
    ("document", "options", "status"),
    [
        (ITEM, {"token": "wrong"}, 401),
        (ITEM, {"path": "/push/nobody"}, 401),
        (ITEM, {"authorization": "Basic right"}, 401),
        (ITEM, {"content-type": "text/plain"}, 415),
        (ITEM, {"host": "evil.example"}, 400),
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        ([1], {}, 400),
        ({"url": "https://a.example/"}, {}, 400),
        ([ITEM] * (MOST_ITEMS + 1), {}, 400),
        (b" " * 5_000_000, {}, 413),
    ],
)
async def test_what_is_refused_leaves_nothing(
    post: Post, engine: AsyncEngine, document: object, options: dict[str, str], status: int
) -> None:
    """Each with its status and a reason."""
    answer = await post(document, **options)
    assert answer.status_code == status
    assert await published(engine) == []
