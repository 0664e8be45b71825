"""Polling real servers into a real database: what is stored, what is published, what is asked again."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from prometheus_client import REGISTRY
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.loop import Poller
from services.ingest.poll import LOST, Tools, poll
from services.ingest.status import config_problem, feed_troubles, feeds
from services.ingest.store import claim_due
from services.ingest.tables import METADATA, entry, feed, outbox
from services.ingest.watch import Watch
from services.ingest.why import entries
from shared.database import transaction
from shared.events import Arrival, NewsItem
from shared.settings import Settings
from shared.topics import NEWS
from tests.ingest.conftest import one_round, write_feeds
from tests.ingest.feed_server import Answer, Asked, FeedServer, item, rss
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


async def published(engine: AsyncEngine) -> list[NewsItem]:
    """Read the outbox as the topic will have it."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(outbox).order_by(outbox.c.id))).mappings().all()
    assert {row["topic"] for row in rows} <= {NEWS}
    for row in rows:
        assert row["key"].decode() == dict(row["headers"])["correlation_id"]
    return [NewsItem.model_validate_json(row["value"]) for row in rows]


async def row_of(engine: AsyncEngine, url: str) -> dict[str, Any]:
    """Read a feed's row."""
    async with transaction(engine) as connection:
        return dict((await connection.execute(select(feed).where(feed.c.url == url))).mappings().one())


async def make_due(engine: AsyncEngine) -> None:
    """Let every feed be due now."""
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(next_poll_at=func.now() - timedelta(seconds=1)))


@pytest.fixture
def now() -> datetime:
    """The present, as feeds write it."""
    return datetime.now(UTC).replace(microsecond=0)


async def test_the_migrations_make_what_the_code_expects(engine: AsyncEngine) -> None:
    """Tables and indexes are the same."""

    def differences(connection: Connection) -> list[Any]:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == "ingest",
            "include_object": lambda thing, name, kind, *_: not (kind == "table" and name == "migration"),
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_feed_is_read_and_its_entries_published(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """With what the person configured, and as first contact."""
    server.answers["/f"] = Answer(rss(item("a", "Attack", "Text.", date=now), item("b", date=now - timedelta(days=30))))
    write_feeds(at, f"url: {server.url('/f')}\n    language: fr\n    country: FR\n    claims_by_attackers: true")
    assert await one_round(Poller(at, tools)) == 1
    [news] = await published(engine)
    assert (news.title, news.summary, news.source, news.language) == ("Attack", "Text.", "Example News", "fr")
    assert (news.country, news.claims_by_attackers, news.arrival) == ("FR", True, Arrival.FIRST_CONTACT)
    assert (news.published, news.feed, news.revision) == (now, server.url("/f"), 1)
    assert tools.wake.is_set()
    [row] = await feeds(engine)
    assert (row["state"], row["entries"], row["last_error"]) == ("ok", 1, None)


async def test_validators_go_back_verbatim_and_304_leaves_everything_as_it_was(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """New ones are kept after a 200 and after a 304; those a 304 does not renew stay."""
    url = server.url("/f")
    write_feeds(at, url)
    poller = Poller(at, tools)
    server.answers["/f"] = Answer(
        rss(item("a")), headers=(("ETag", 'W/"1 \xe9"'), ("Last-Modified", "Some Day, 31 Feb"))
    )
    await one_round(poller)
    server.answers["/f"] = Answer(status=304, headers=(("ETag", "unquoted-2"),))
    await make_due(engine)
    await one_round(poller)
    await make_due(engine)
    await one_round(poller)
    asked = [(one.headers.get("if-none-match"), one.headers.get("if-modified-since")) for one in server.asked]
    assert asked == [(None, None), ('W/"1 \xe9"', "Some Day, 31 Feb"), ("unquoted-2", "Some Day, 31 Feb")]
    assert len(await published(engine)) == 1
    # A 200 without validators forgets them: they are never invented.
    server.answers["/f"] = Answer(rss(item("a"), item("b")))
    await make_due(engine)
    await one_round(poller)
    row = await row_of(engine, url)
    assert (row["etag"], row["last_modified"]) == (None, None)


async def test_an_edited_entry_is_a_revision_and_an_unchanged_one_nothing(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """However often the feed is read; going back to the first words is nothing new either."""
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    for title in ("One", "One", "Two", "One", "Two"):
        server.answers["/f"] = Answer(rss(item("a", title, date=now), item("b", date=now)))
        await make_due(engine)
        await one_round(poller)
    news = await published(engine)
    assert [(one.title, one.revision) for one in news] == [("One", 1), ("b", 1), ("Two", 2)]
    assert news[0].entry_id == news[2].entry_id
    assert news[0].first_seen == news[2].first_seen
    assert [one.arrival for one in news] == [Arrival.FIRST_CONTACT, Arrival.FIRST_CONTACT, Arrival.LIVE]


async def test_ids_that_change_at_every_poll_publish_once(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """Same link, words and date are the same entry."""
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    for number in range(3):
        server.answers["/f"] = Answer(rss(item(f"id-{number}", "T", link="https://n.example/1", date=now)))
        await make_due(engine)
        await one_round(poller)
    assert len(await published(engine)) == 1


async def test_ids_that_cannot_be_believed_are_told_to_the_operator(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """Changing or shared: in the feed's row and in the metric, until its ids come again."""
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    found = []
    for ids in (("a1", "b1"), ("a2", "b2"), ("a3", "b3", "c3"), ("a3", "b3", "c3"), ("x", "x", "x")):
        server.answers["/f"] = Answer(
            rss(*(item(one, f"T{n}", str(len(found) == 3), f"https://a.example/{n}", now) for n, one in enumerate(ids)))
        )
        await make_due(engine)
        await one_round(poller)
        await Watch(engine).look()
        kinds = [REGISTRY.get_sample_value("codegrey_feed_odd_ids", {"ids": kind}) for kind in ("changing", "shared")]
        [row] = await feeds(engine)
        found.append((row["ids"], *kinds))
    assert found == [
        (None, 0, 0),
        ("changing", 1, 0),
        ("changing", 1, 0),
        (None, 0, 0),
        ("shared", 0, 1),
    ]
    assert "share one id" in row["ids_advice"]


@pytest.mark.parametrize("trust", ["trust: attackers", "claims_by_attackers: true"])
async def test_the_word_of_attackers_is_marked(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, trust: str
) -> None:
    """Both spellings; the press is not."""
    server.answers["/f"] = server.answers["/g"] = Answer(rss(item("a")))
    write_feeds(at, f"url: {server.url('/f')}\n    {trust}", server.url("/g"))
    await one_round(Poller(at, tools))
    marked = {one.feed: one.claims_by_attackers for one in await published(engine)}
    assert marked == {server.url("/f"): True, server.url("/g"): False}


async def test_the_word_of_an_authority_is_marked(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Whoever configured the feed says so; the press is not."""
    server.answers["/f"] = server.answers["/g"] = Answer(rss(item("a")))
    write_feeds(at, f"url: {server.url('/f')}\n    trust: official", server.url("/g"))
    await one_round(Poller(at, tools))
    marked = {one.feed: one.official for one in await published(engine)}
    assert marked == {server.url("/f"): True, server.url("/g"): False}


async def test_what_operators_are_told_comes_from_the_database(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Every process says the same: a feed that fails for hours, and a file that is broken."""
    write_feeds(at, server.url("/gone"))
    poller = Poller(at, tools)
    await one_round(poller)
    assert await feed_troubles(engine) == []
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(failures=9, added_at=func.now() - timedelta(hours=9)))
    (at.config / "feeds.yaml").write_text("feeds: [nonsense]")
    await poller.turn()
    file, failing = await feed_troubles(engine)
    assert file.title.startswith("feeds.yaml is not taken over: feeds.yaml:1")
    assert failing.title.endswith("cannot be read: answered 404")


async def test_a_backlog_after_a_day_is_marked(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """So that it becomes one summary, never a storm."""
    write_feeds(at, server.url("/f"))
    server.answers["/f"] = Answer(rss(item("a", date=now)))
    poller = Poller(at, tools)
    await one_round(poller)
    async with transaction(engine) as connection:
        await connection.execute(
            update(feed).values(
                last_success_at=func.now() - timedelta(days=2), next_poll_at=func.now() - timedelta(days=1)
            )
        )
    server.answers["/f"] = Answer(rss(item("b", date=now)))
    await one_round(poller)
    assert [one.arrival for one in await published(engine)] == [Arrival.FIRST_CONTACT, Arrival.CATCH_UP]


async def test_a_restart_polls_nothing_that_is_not_due(at: Settings, tools: Tools, server: FeedServer) -> None:
    """The schedule lives in the database."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    assert await one_round(Poller(at, tools)) == 0
    assert server.times("/f") == 1


async def test_processes_share_the_feeds(at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine) -> None:
    """Two pollers at once never read the same feed; together they read them all."""
    paths = [f"/{number}" for number in range(30)]
    for path in paths:
        server.answers[path] = Answer(rss(item(path)))
    write_feeds(at, *(server.url(path) for path in paths))
    pollers = [Poller(at, tools), Poller(at, tools)]
    started = await asyncio.gather(*(one_round(poller) for poller in pollers))
    assert sum(started) == 30
    assert [server.times(path) for path in paths] == [1] * 30
    assert len(await published(engine)) == 30


async def test_a_lease_that_was_lost_writes_nothing(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """A process that slept too long cannot write over its successor; a dead one's feeds are taken over."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, server.url("/f"))
    await Poller(at, tools)._follow_config()
    [stale] = await claim_due(engine, "sleeper", 8)
    assert await claim_due(engine, "other", 8) == []
    async with transaction(engine) as connection:
        await connection.execute(update(feed).values(lease_until=func.now() - timedelta(seconds=1)))
    [fresh] = await claim_due(engine, "other", 8)
    assert await poll(stale, tools) == LOST
    assert (await poll(fresh, tools)).outcome == "read"
    assert len(await published(engine)) == 1


async def test_a_supervised_process_takes_its_own_leases_over_at_once(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Under `codegrey up` whoever held the slot before is gone."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, server.url("/f"))
    slotted = at.model_copy(update={"slot": "0"})
    await Poller(slotted, tools)._follow_config()
    assert await claim_due(engine, "slot:0/dead", 8)
    running = asyncio.create_task(Poller(slotted, tools).run())
    await wait_until(lambda: server.times("/f"), within=10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await row_of(engine, server.url("/f")))["lease_owner"] is None


async def test_a_changed_configuration_is_picked_up_and_a_broken_one_is_not(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Without a restart; the broken one is told of, and the feeds stay as they were."""
    for path in ("/a", "/b"):
        server.answers[path] = Answer(rss(item(path)))
    write_feeds(at, server.url("/a"))
    poller = Poller(at, tools)
    await one_round(poller)
    write_feeds(at, server.url("/a"), server.url("/b"))
    await one_round(poller)
    assert [server.times(path) for path in ("/a", "/b")] == [1, 1]
    write_feeds(at, "ftp://nonsense")
    await one_round(poller)
    assert len(await feeds(engine)) == 2
    assert "feeds.yaml:2" in (await config_problem(engine) or "")
    write_feeds(at, server.url("/b"))
    await one_round(poller)
    assert [row["url"] for row in await feeds(engine)] == [server.url("/b")]
    assert await config_problem(engine) is None


async def test_a_shorter_interval_counts_from_now(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Nobody waits for the old one to pass."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, f"url: {server.url('/f')}\n    interval: 7d")
    poller = Poller(at, tools)
    await one_round(poller)
    write_feeds(at, f"url: {server.url('/f')}\n    interval: 1m")
    await one_round(poller)
    row = await row_of(engine, server.url("/f"))
    assert row["next_poll_at"] < datetime.now(UTC) + timedelta(minutes=2)


async def test_410_ends_a_feed_until_it_is_configured_anew(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Removed and added again, it is tried again."""
    server.answers["/f"] = Answer(status=410)
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    await one_round(poller)
    await make_due(engine)
    assert await one_round(poller) == 0
    assert [row["state"] for row in await feeds(engine)] == ["ended"]
    write_feeds(at)
    await one_round(poller)
    write_feeds(at, server.url("/f"))
    assert await one_round(poller) == 1


async def test_a_feed_that_moved_is_read_where_it_is_now(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Its entries keep their ids; where the new place fails, the old one is asked again."""
    server.answers["/old"] = Answer(status=301, headers=(("Location", "/new"),))
    server.answers["/new"] = Answer(rss(item("a")), headers=(("ETag", '"1"'),))
    write_feeds(at, server.url("/old"))
    poller = Poller(at, tools)
    await one_round(poller)
    await make_due(engine)
    await one_round(poller)
    assert [asked.path for asked in server.asked] == ["/old", "/new", "/new"]
    assert server.asked[2].headers["if-none-match"] == '"1"'
    assert [(row["state"], row["moved_to"]) for row in await feeds(engine)] == [("moved", server.url("/new"))]
    server.answers["/new"] = Answer(status=410)
    server.answers["/old"] = Answer(rss(item("a"), item("b")))
    for _ in range(2):
        await make_due(engine)
        await one_round(poller)
    assert [one.title for one in await published(engine)] == ["a", "b"]


async def test_a_page_that_redirects_for_good_to_no_feed_is_no_move(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """A publisher's home page must not become the feed."""
    server.answers["/old"] = Answer(status=301, headers=(("Location", "/home"),))
    server.answers["/home"] = Answer(b"<!doctype html><html><body>Welcome")
    write_feeds(at, server.url("/old"))
    await one_round(Poller(at, tools))
    [row] = await feeds(engine)
    assert (row["state"], row["moved_to"]) == ("failing", None)
    assert "web page" in row["last_error"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=500), "answered 500"),
        (Answer(status=304), "304 although"),
        (Answer(gzip.compress(b"\0" * 20_000_000), headers=(("Content-Encoding", "gzip"),)), "larger than"),
        (Answer(status=302, headers=(("Location", "http://10.0.0.1/"),)), "refused"),
    ],
    ids=["error", "unasked-304", "bomb", "private"],
)
async def test_a_failure_is_told_and_backs_off(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, answer: Answer, words: str
) -> None:
    """It stands in the feed's state with the number of failures, and reading again clears it."""
    server.answers["/f"] = answer
    write_feeds(at, server.url("/f"))
    poller = Poller(at, tools)
    await one_round(poller)
    await make_due(engine)
    await one_round(poller)
    [row] = await feeds(engine)
    assert words in row["last_error"]
    assert (row["state"], row["failures"]) == ("failing", 2)
    assert row["next_poll"] > datetime.now(UTC) + timedelta(minutes=29)
    server.answers["/f"] = Answer(rss(item("a")))
    await make_due(engine)
    await one_round(poller)
    assert [(row["state"], row["failures"], row["last_error"]) for row in await feeds(engine)] == [("ok", 0, None)]


async def test_retry_after_is_obeyed(at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine) -> None:
    """As long as the publisher asks."""
    server.answers["/f"] = Answer(status=429, headers=(("Retry-After", "7200"),))
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    row = await row_of(engine, server.url("/f"))
    assert row["next_poll_at"] > datetime.now(UTC) + timedelta(minutes=119)
    assert row["next_poll_reason"] == "Retry-After"


async def test_a_feed_cut_short_is_read_and_asked_again_in_full(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Its validators are not kept: the next answer must be whole."""

    async def cut(asked: Asked) -> None:
        asked.writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 100000\r\n\r\n' + rss(item("a"))[:-20])
        await asked.writer.drain()

    server.answers["/f"] = cut
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    assert len(await published(engine)) == 1
    row = await row_of(engine, server.url("/f"))
    assert (row["etag"], row["body_hash"]) == (None, None)


async def test_the_largest_entry_fits_into_a_message(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """In the script that takes the most bytes, with all fields at their limits."""
    body = rss(
        f"<item><guid>a</guid><title>{'𠀂' * 5000}</title><description>{'𠀀' * 70000}</description>"
        f"<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>{'𠀁' * 70000}"
        "</content:encoded></item>"
    )
    server.answers["/f"] = Answer(body)
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    async with transaction(engine) as connection:
        size = await connection.scalar(select(func.max(func.length(outbox.c.value))))
    assert 200_000 < size < 250_000


async def test_polling_pauses_while_the_disk_is_low(
    at: Settings, tools: Tools, server: FeedServer, tmp_path: Path
) -> None:
    """And says so in its readiness."""
    server.answers["/f"] = Answer(rss(item("a")))
    write_feeds(at, server.url("/f"))
    pause = tmp_path / "low-disk"
    pause.touch()
    poller = Poller(at.model_copy(update={"pause_file": pause}), tools)
    assert await one_round(poller) == 0
    assert poller.trouble() == "paused: disk low"
    pause.unlink()
    assert await one_round(poller) == 1
    assert poller.trouble() is None


async def test_a_poller_that_is_stuck_is_not_ready(at: Settings, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that does not turn says so."""
    monkeypatch.setattr("services.ingest.loop.STUCK_AFTER_S", -1.0)
    assert "has not turned" in (Poller(at, tools).trouble() or "")


async def test_a_fault_of_ours_stays_with_its_feed(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are read, and the guilty one backs off."""
    for path in ("/good", "/bad"):
        server.answers[path] = Answer(rss(item(path)))
    write_feeds(at, server.url("/good"), server.url("/bad"))
    honest = tools.parsers.parse

    async def faulty(body: bytes, *, url: str, content_type: str = "", **_: Any) -> Any:
        if url.endswith("/bad"):
            raise RuntimeError("surprise")
        return await honest(body, url=url, content_type=content_type)

    monkeypatch.setattr(tools.parsers, "parse", faulty)
    await one_round(Poller(at, tools))
    states = {row["url"]: (row["state"], row["last_error"]) for row in await feeds(engine)}
    assert states[server.url("/good")] == ("ok", None)
    assert "RuntimeError: surprise" in (states[server.url("/bad")][1] or "")


async def test_why_finds_an_entry_by_any_spelling_of_its_address(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine, now: datetime
) -> None:
    """With what happened to it; and says which feeds are of that site where there is none."""
    old = now - timedelta(days=90)
    server.answers["/f"] = Answer(
        rss(
            item("a", "T", "S", link="https://n.example/x?utm_source=rss"),
            item("o", link="https://n.example/old", date=old),
        )
    )
    write_feeds(at, server.url("/f"))
    await one_round(Poller(at, tools))
    [found] = await entries(engine, "https://N.example/x#comments")
    [news] = await published(engine)
    assert (found.entry_id, found.item_id, found.title, found.text) == (news.entry_id, news.id, "T", "S")
    assert [step.outcome for step in found.steps] == ["read", "waits in the outbox"]
    async with transaction(engine) as connection:
        await connection.execute(update(outbox).values(published_at=func.now()))
    [found] = await entries(engine, "https://n.example/x")
    assert [step.outcome for step in found.steps] == ["read", "published"]
    [skipped] = await entries(engine, "https://n.example/old")
    assert [step.outcome for step in skipped.steps] == ["read", "not published"]
    assert skipped.item_id is None
    [never] = await entries(engine, server.url("/elsewhere"))
    assert (never.entry_id, never.steps[0].outcome) == ("", "never seen")
    assert "Example News (ok" in never.steps[0].detail
    [nowhere] = await entries(engine, "https://unknown.example/")
    assert "no configured feed" in nowhere.steps[0].detail


async def test_everything_of_a_poll_is_written_or_nothing(
    at: Settings, tools: Tools, server: FeedServer, engine: AsyncEngine
) -> None:
    """Where the outbox cannot be written, neither entries nor validators are: the next poll does it all."""
    server.answers["/f"] = Answer(rss(item("a")), headers=(("ETag", '"1"'),))
    write_feeds(at, server.url("/f"))
    async with transaction(engine) as connection:
        await connection.execute(text("ALTER TABLE ingest.outbox RENAME TO away"))
    await one_round_of_failure(Poller(at, tools))
    async with transaction(engine) as connection:
        assert await connection.scalar(select(func.count()).select_from(entry)) == 0
        await connection.execute(text("ALTER TABLE ingest.away RENAME TO outbox"))
        await connection.execute(update(feed).values(lease_until=None, next_poll_at=func.now()))
    assert (await row_of(engine, server.url("/f")))["etag"] is None
    await one_round(Poller(at, tools))
    assert len(await published(engine)) == 1


async def one_round_of_failure(poller: Poller) -> None:
    """Start what is due, once, and wait for it to fail."""
    await poller.turn()
    await poller.idle()
