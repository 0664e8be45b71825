"""WebSub on real sockets: a hub pushes, polls are the safety net, and a hub that lies changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.fetching.addresses import make_policy
from services.ingest.fetching.fetch import Fetcher
from services.ingest.fetching.request_body import MOST_BYTES
from services.ingest.hub.keep import ask_hubs
from services.ingest.loop import Poller
from services.ingest.poll import Tools
from services.ingest.push import push_app
from services.ingest.tables import feed, hub_subscription, outbox
from shared.database import transaction
from shared.events import NewsItem
from shared.http import serving_app
from shared.settings import Settings
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss
from tests.ingest.hub_server import CHALLENGE, Hub, hub_server
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """Serve a hub."""
    async with hub_server() as serving:
        yield serving


@pytest.fixture
async def base(tools: Tools) -> AsyncIterator[str]:
    """Serve our callback, on a real socket."""
    async with serving_app(push_app(lambda: None, tools, hosts=["127.0.0.1"])) as port:
        yield f"http://127.0.0.1:{port}"


async def one(engine: AsyncEngine, table: Any = hub_subscription) -> dict[str, Any] | None:
    """Read the only row."""
    async with transaction(engine) as connection:
        row = (await connection.execute(select(table))).mappings().one_or_none()
    return dict(row) if row else None


async def titles(engine: AsyncEngine) -> list[str]:
    """Read the titles of what was published."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox.c.value).order_by(outbox.c.id))).scalars().all()
    return [NewsItem.model_validate_json(value).title for value in rows]


async def hurry(engine: AsyncEngine) -> None:
    """Let every poll and every request to a hub be due now."""
    past = func.now() - timedelta(seconds=1)
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(next_poll_at=past))
        await connection.execute(update(hub_subscription).values(next_at=past))


def serve_feed(server: FeedServer, hub: Hub, *names: str, link_header: bool = False) -> None:
    """Serve a feed that names its hub, in the document or in a header."""
    address = server.url("/f")
    inside = f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='hub' href='{hub.url}'/>"
    inside += f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='self' href='{address}'/>"
    headers = (("Link", f'<{address}>; rel="self"'), ("Link", f"<{hub.url}>; rel=hub")) if link_header else ()
    body = rss(*(item(name) for name in names), extra="" if link_header else inside)
    server.answers["/f"] = Answer(body, headers=headers)


async def subscribed(at: Settings, tools: Tools, server: FeedServer, hub: Hub, base: str) -> Poller:
    """Read a feed once and subscribe to its hub."""
    if "/f" not in server.answers:
        serve_feed(server, hub, "a")
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    await one_round(poller)
    assert await ask_hubs(base, tools) == 1

    async def active() -> bool:
        row = await one(tools.engine)
        return row is not None and row["state"] == "active"

    await wait_until(active)
    return poller


@pytest.mark.parametrize("link_header", [False, True])
async def test_a_hub_is_found_asked_and_believed(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str, link_header: bool
) -> None:
    """Named by the document or by the Link header; it is asked once, with a secret and an address of its own."""
    serve_feed(server, hub, "a", link_header=link_header)
    await subscribed(at, tools, server, hub, base)
    [form] = hub.requests
    assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", server.url("/f"))
    assert form["hub.callback"].startswith(f"{base}/hub/")
    assert len(form["hub.callback"].rsplit("/", 1)[1]) >= 40
    assert len(form["hub.secret"]) >= 40
    await wait_until(lambda: hub.answers)
    assert (hub.answers[0].status_code, hub.answers[0].text) == (200, CHALLENGE)
    row = await one(engine)
    assert row is not None
    assert timedelta(minutes=59) < row["lease_until"] - datetime.now(UTC) <= timedelta(hours=1)
    assert await ask_hubs(base, tools) == 0


async def test_what_is_pushed_is_published_once_and_polls_become_rarer(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """The poll that finds it again finds nothing new; its interval grows while pushes come."""
    poller = await subscribed(at, tools, server, hub, base)
    serve_feed(server, hub, "a", "b")
    pushed = rss(item("b"), item("a"))
    for _ in range(2):
        assert (await hub.deliver(pushed)).status_code == 202
    assert await titles(engine) == ["a", "b"]
    await hurry(engine)
    await one_round(poller)
    assert await titles(engine) == ["a", "b"]
    row = await one(engine, feed)
    assert row is not None
    assert row["next_poll_reason"] == "pushed by its hub"
    assert row["next_poll_at"] - row["last_poll_at"] >= timedelta(hours=2)
    assert (row["entries"], row["pushed_until"] is not None) == (2, True)


async def test_polls_are_as_frequent_as_ever_when_pushes_stop(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """A poll that finds what nobody pushed proves it; silence for a day does, too."""
    poller = await subscribed(at, tools, server, hub, base)
    await hub.deliver(rss(item("b")))
    serve_feed(server, hub, "a", "b", "never pushed")
    await hurry(engine)
    await one_round(poller)
    await hurry(engine)
    await one_round(poller)
    row = await one(engine, feed)
    assert row is not None
    assert (row["pushed_until"], row["next_poll_reason"]) == (None, "configured interval")
    await hub.deliver(rss(item("c")))
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(pushed_until=func.now() - timedelta(seconds=1)))
    await hurry(engine)
    await one_round(poller)
    row = await one(engine, feed)
    assert row is not None
    assert row["next_poll_reason"] == "configured interval"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"secret": "guessed"}, 403),
        ({"x_hub_signature": ""}, 403),
        ({"x_hub_signature": "md5=00"}, 403),
        ({"x_hub_signature": b"sha256=\xe9"}, 403),
        ({"link": '<https://other.example/f>; rel="self"'}, 404),
    ],
)
async def test_a_delivery_that_is_forged_or_meant_for_another_changes_nothing(
    at: Settings,
    tools: Tools,
    server: FeedServer,
    engine: AsyncEngine,
    hub: Hub,
    base: str,
    headers: dict[str, Any],
    status: int,
) -> None:
    """Not even the interval of polls."""
    await subscribed(at, tools, server, hub, base)
    assert (await hub.deliver(rss(item("forged")), **headers)).status_code == status
    assert await titles(engine) == ["a"]
    row = await one(engine, feed)
    assert row is not None
    assert row["pushed_until"] is None


async def test_an_address_nobody_was_given_and_a_huge_or_unreadable_body_are_refused(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """Each with its status; a hub with an address that is gone is told to stop."""
    await subscribed(at, tools, server, hub, base)
    assert (await hub.deliver(b"x" * (MOST_BYTES + 1))).status_code == 413
    assert (await hub.deliver(b"no feed at all")).status_code == 400
    async with httpx2.AsyncClient() as client:
        assert (await client.post(f"{base}/hub/guessed", content=b"x")).status_code == 410
        assert (await client.get(f"{base}/hub/guessed")).status_code == 404
        foreign = {"host": "evil.example"}
        assert (await client.get(f"{base}/hub/guessed", headers=foreign)).status_code == 400
    assert await titles(engine) == ["a"]


@pytest.mark.parametrize(
    "said",
    [
        {"hub_topic": "https://other.example/f"},
        {"hub_mode": "unsubscribe"},
        {"hub_mode": "nonsense"},
        {"hub_challenge": ""},
        {"hub_challenge": "x" * 5_000},
    ],
)
async def test_a_hub_is_not_believed_on_what_nobody_asked(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str, said: dict[str, str]
) -> None:
    """Another topic, an end that we do not want, a challenge that is none."""
    await subscribed(at, tools, server, hub, base)
    before = await one(engine)
    assert (await hub.ask_back(hub.requests[0], **said)).status_code == 404
    assert await one(engine) == before


async def test_a_hub_that_refuses_is_left_alone_for_a_day(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """Its reason is kept; polls go on."""
    await subscribed(at, tools, server, hub, base)
    answer = await hub.ask_back(hub.requests[0], hub_mode="denied", hub_reason="too many")
    assert answer.status_code == 200
    row = await one(engine)
    assert row is not None
    assert (row["state"], row["error"]) == ("denied", "the hub refuses: too many")
    assert row["next_at"] - datetime.now(UTC) > timedelta(hours=23)
    assert (await hub.deliver(rss(item("b")))).status_code == 410


async def test_a_lease_is_renewed_before_it_ends(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """With the same address and secret, so that nothing is lost between."""
    await subscribed(at, tools, server, hub, base)
    row = await one(engine)
    assert row is not None
    assert row["next_at"] < row["lease_until"]
    async with transaction(engine) as connection:
        soon = func.now() + timedelta(minutes=10)
        await connection.execute(update(hub_subscription).values(lease_until=soon))
    await hurry(engine)
    assert await ask_hubs(base, tools) == 1
    await wait_until(lambda: len(hub.answers) == 2)
    first, second = hub.requests
    assert first == second
    row = await one(engine)
    assert row is not None
    assert row["lease_until"] - datetime.now(UTC) > timedelta(minutes=50)


async def test_a_feed_that_is_removed_is_unsubscribed(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """The hub's question is confirmed, and nothing is left."""
    poller = await subscribed(at, tools, server, hub, base)
    write_feeds(at)
    await poller.turn()
    assert await ask_hubs(base, tools) == 1
    assert hub.requests[1]["hub.mode"] == "unsubscribe"

    async def gone() -> bool:
        return await one(engine) is None

    await wait_until(gone)
    assert (await hub.deliver(rss(item("b")))).status_code == 410


async def test_without_a_public_address_no_hub_is_asked_and_what_was_is_given_up(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """A hub that never confirms the end is told a few times."""
    await subscribed(at, tools, server, hub, base)
    hub.mode = "silent"
    for _ in range(4):
        await ask_hubs(None, tools)
        await hurry(engine)
    assert await one(engine) is None
    assert [form["hub.mode"] for form in hub.requests] == ["subscribe"] + ["unsubscribe"] * 3
    assert await ask_hubs(None, tools) == 0


async def test_a_hub_inside_our_network_is_refused(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """A feed of the world cannot make us speak to what is ours."""
    serve_feed(server, hub, "a")
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    tools.public = Fetcher(make_policy(), user_agent="test", within_s=5)
    await ask_hubs(base, tools)
    await tools.public.aclose()
    row = await one(engine)
    assert row is not None
    assert "refused" in row["error"]
    assert hub.requests == []


async def test_a_hub_that_does_not_answer_well_is_asked_again_later(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, hub: Hub, base: str
) -> None:
    """Each time later; the feed is polled as ever."""
    serve_feed(server, hub, "a")
    hub.status = 500
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    waits = []
    for _ in range(3):
        await ask_hubs(base, tools)
        row = await one(engine)
        assert row is not None
        assert row["error"] == "the hub answered 500"
        waits.append(row["next_at"] - datetime.now(UTC))
        await hurry(engine)
    assert waits[0] < waits[1] < waits[2]
