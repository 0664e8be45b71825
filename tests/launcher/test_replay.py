"""`codegrey news replay`: the same items again, nobody told twice, and a better judge heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from services.classifier import handle as classifier
from services.classifier.judge import judge_candidate
from services.ingest import replay as replay_module
from services.ingest.replay import Wanted, count_stored, replay
from services.ingest.replay_command import news
from shared.errors import Permanent, Transient
from shared.events import Arrival, NewsItem
from tests.launcher.pipeline import ARTICLE, ATTACK, HARMLESS, HEADLINE, Pipeline

pytestmark = pytest.mark.servers

OTHER = "https://news.example.co.uk/other"


async def _column(road: Pipeline, query: str) -> list[Any]:
    async with road.engine.connect() as connection:
        return list((await connection.execute(text(query))).scalars())


async def _news(road: Pipeline) -> list[NewsItem]:
    """Return all that ever went into the outbox of ingest, in order."""
    values = await _column(road, "SELECT value FROM ingest.outbox ORDER BY id")
    return [NewsItem.model_validate_json(value) for value in values]


async def _down_the_road(road: Pipeline) -> None:
    """Lead what waits to the notifier; a restart of the classifier keeps nothing."""
    road.reports.clear()
    await road.judge()
    await road.merge()
    await road.match()


async def _state(road: Pipeline) -> list[Any]:
    """Return all that the tracker and the notifier have decided."""
    return [
        await _column(road, query)
        for query in (
            "SELECT id || outcome FROM tracker.report ORDER BY id",
            "SELECT alert_id FROM tracker.incident_version ORDER BY 1",
            "SELECT alert_id || subscription || reason FROM notifier.notice ORDER BY 1",
            "SELECT id || state FROM notifier.delivery ORDER BY 1",
        )
    ]


async def test_what_was_handled_changes_nothing(road: Pipeline) -> None:
    """The very same items, but as a catch-up; the second time and the third."""
    await road.all()
    await road.see(OTHER, "Hospital fair", "The hospital of Valmont held its fair.")
    before = await _state(road)
    for number in range(1, 3):
        assert await replay(road.engine, road.settings, Wanted(since=datetime.now(UTC) - timedelta(hours=1))) == 2
        await _down_the_road(road)
        assert await _state(road) == before
        items = await _news(road)
        assert len(items) == 2 + 2 * number
        first = {one.id: one.model_copy(update={"arrival": Arrival.CATCH_UP}) for one in items[:2]}
        assert {one.id: one for one in items[-2:]} == first


async def test_what_a_topic_lost_is_told_after_all(road: Pipeline) -> None:
    """It never reached the classifier: it comes in a summary, once."""
    await road.see()
    async with road.engine.begin() as connection:
        await connection.execute(text("UPDATE ingest.outbox SET published_at = now()"))
    await _down_the_road(road)
    assert await _column(road, "SELECT id FROM tracker.report") == []
    for _ in range(2):
        assert await replay(road.engine, road.settings, Wanted(url=ARTICLE)) == 1
        await _down_the_road(road)
    assert await _column(road, "SELECT pace FROM notifier.notice") == ["collected"]
    async with road.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.notice SET at = now() - interval '10 minutes'"))
    await road.send()
    assert await _column(road, "SELECT state FROM notifier.delivery") == ["sent"]


async def test_what_is_old_opens_silently(road: Pipeline) -> None:
    """News of last month tells nobody, however new the judgement."""
    await road.see(age=timedelta(days=30))
    async with road.engine.begin() as connection:
        await connection.execute(text("UPDATE ingest.outbox SET published_at = now()"))
    assert await replay(road.engine, road.settings, Wanted(url=ARTICLE)) == 1
    await _down_the_road(road)
    assert len(await _column(road, "SELECT id FROM tracker.incident")) == 1
    (reason,) = await _column(road, "SELECT reason FROM notifier.notice")
    assert reason.startswith("opened silently")


def _judge(monkeypatch: pytest.MonkeyPatch, version: str, seen_as: Callable[[Any], Any] = lambda one: one) -> None:
    """Have a judge of another version, which may see an article otherwise."""
    monkeypatch.setattr(classifier, "JUDGE_VERSION", version)
    monkeypatch.setattr(
        classifier, "judge_candidate", lambda article, *rest, **more: judge_candidate(seen_as(article), *rest, **more)
    )


async def test_a_later_judge_who_sees_the_same_tells_nobody(road: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its report takes the place of the earlier one; the incident stays as it was told."""
    await road.all()
    told = (await _state(road))[1:]
    _judge(monkeypatch, "2")
    await replay(road.engine, road.settings, Wanted(url=ARTICLE))
    await _down_the_road(road)
    assert (await _state(road))[1:] == told
    outcomes = await _column(road, "SELECT outcome FROM tracker.report ORDER BY received_at")
    assert outcomes == ["withdrawn", "merged"]


async def test_a_better_judge_takes_back_what_was_told(road: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes for no attack is retracted to those who were told, once."""
    await road.all()
    _judge(monkeypatch, "2", lambda article: type(article)(**(_fields(article) | {"title": "Drill", "text": HARMLESS})))
    for _ in range(2):
        await replay(road.engine, road.settings, Wanted(url=ARTICLE))
        await _down_the_road(road)
    versions = await _column(road, "SELECT reason FROM tracker.incident_version ORDER BY version")
    assert versions == ["opened", "retracted"]
    assert await _column(road, "SELECT tell FROM notifier.notice ORDER BY version") == ["opening", "retraction"]


def _fields(article: Any) -> dict[str, Any]:
    return {name: getattr(article, name) for name in type(article).__dataclass_fields__}


async def test_of_an_edited_entry_the_newest_edition_goes_out(road: Pipeline) -> None:
    """An earlier one would only be superseded."""
    await road.see()
    await road.see(body=ATTACK + " Surgery is cancelled.")
    assert await count_stored(road.engine, Wanted(url=ARTICLE)) == 1
    await replay(road.engine, road.settings, Wanted(url=ARTICLE))
    items = await _news(road)
    assert [one.revision for one in items] == [1, 2, 2]
    assert items[2].id == items[1].id


async def test_what_is_wanted_is_found_and_nothing_else(road: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """By moment, feed and page, over many bites; the canary's never."""
    monkeypatch.setattr(replay_module, "BITE", 3)
    for number in range(10):
        await road.see(f"{OTHER}/{number}", f"{HEADLINE} {number}")
    async with road.engine.begin() as connection:
        await connection.execute(
            text("UPDATE ingest.entry SET stored_at = stored_at - interval '1 day' WHERE url ~ '[0-4]$'")
        )
        await connection.execute(
            text(
                "INSERT INTO ingest.entry (entry_id, revision, item_id, feed_url, guid, title, summary, text, "
                "first_seen, stored_at, content_hash, arrival, reason) SELECT md5(n::text), 1, md5('i' || n), "
                "CASE n WHEN 1 THEN 'http://canary.codegrey.invalid/feed.json' ELSE 'push:partner' END, 'g', 't', '', "
                "'', now(), now(), md5('c'), 'live', 'new' FROM generate_series(1, 2) n"
            )
        )
    now = datetime.now(UTC)
    feed = "https://news.example.co.uk/rss"
    for wanted, count in (
        (Wanted(), 11),
        (Wanted(feed=feed), 10),
        (Wanted(feed="push:partner"), 1),
        (Wanted(since=now - timedelta(hours=1)), 6),
        (Wanted(until=now - timedelta(hours=1)), 5),
        (Wanted(since=now - timedelta(hours=1), feed=feed), 5),
        (Wanted(url=f"{OTHER}/7"), 1),
        (Wanted(url=f"{OTHER}/77"), 0),
        (Wanted(since=now + timedelta(hours=1)), 0),
    ):
        before = len(await _news(road))
        assert await count_stored(road.engine, wanted) == count
        assert await replay(road.engine, road.settings, wanted) == count, wanted
        items = (await _news(road))[before:]
        assert len({one.id for one in items}) == count
    assert {one.source for one in await _news(road)} == {"news.example.co.uk", "partner"}
    with pytest.raises(Permanent, match="nothing is stored of a feed"):
        await replay(road.engine, road.settings, Wanted(feed="https://nobody.example/"))


async def test_it_waits_while_kafka_takes_nothing(road: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox must not fill before news of now; after a while it says so and ends."""
    monkeypatch.setattr(replay_module, "MOST_WAITING", 1)
    monkeypatch.setattr(replay_module, "PATIENCE_S", 0.5)
    await road.see()
    with pytest.raises(Transient, match="does ingest run"):
        await replay(road.engine, road.settings, Wanted(url=ARTICLE))
    assert len(await _news(road)) == 1


async def test_the_command(road: Pipeline, tmp_path: Path) -> None:
    """Data on standard output; without a word which it is wrong use."""
    await road.see()

    async def run(*arguments: str) -> Result:
        environment = {
            "CODEGREY_DATABASE_URL": road.settings.database_url.get_secret_value(),
            "CODEGREY_CONFIG": str(tmp_path),
        }
        return await asyncio.to_thread(CliRunner().invoke, news, ["replay", *arguments], env=environment)

    assert (await run()).exit_code == (await run("--everything", "--url", ARTICLE)).exit_code == 2
    assert json.loads((await run("--everything", "--count", "--json")).stdout) == {"items": 1, "published": False}
    assert len(await _news(road)) == 1
    assert (await run("--since", "yesterday")).exit_code == 2
    assert json.loads((await run("--since", "3d", "--json")).stdout) == {"items": 1, "published": True}
    assert len(await _news(road)) == 2
    assert (await run("--since", "2099-01-01T10:00")).exit_code == 1
