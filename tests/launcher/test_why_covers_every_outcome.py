"""`codegrey why` has an answer for every outcome that an item can have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.ingest.story.lookup import is_search, site_of, spellings
from services.ingest.why import never_seen
from services.launcher.diagnose.status import group_states
from services.launcher.diagnose.why import why
from services.notifier.config import Subscription
from services.notifier.why import decided
from shared.dead_letters import make_dead_letter
from shared.errors import Permanent
from shared.kafka import producer
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import ALERTS, NEWS, REPORTS
from tests.launcher.pipeline import ARTICLE, HARMLESS, Pipeline, record
from tests.notifier.notifier_sinks import MailSink


async def _asked(road: Pipeline, url: str = ARTICLE, subscription: str | None = None) -> list[tuple[str, str]]:
    return [(one.part, one.outcome) for one in await why(road.settings, road.engine, url, subscription)]


async def _alter(road: Pipeline, statement: str) -> None:
    async with road.engine.begin() as connection:
        await connection.execute(text(statement))


@pytest.mark.servers
async def test_sent(road: Pipeline) -> None:
    """The whole road, in its order."""
    await road.all()
    asked = await _asked(road)
    assert [part for part, _ in asked] == ["ingest", "ingest", "classifier", "tracker", "notifier", "notifier"]
    assert [outcome for _, outcome in asked][-4:] == [
        "judged: incident, level 4 (critical)",
        "opened an incident",
        "told",
        "sent",
    ]


@pytest.mark.servers
@pytest.mark.parametrize(
    "spelling",
    [
        "http://news.example.co.uk/valmont",
        "https://www.news.example.co.uk/valmont/",
        "https://m.news.example.co.uk/valmont?utm_source=x#top",
        "https://NEWS.example.co.uk/valmont/amp",
        "news.example.co.uk/valmont",
    ],
)
async def test_other_spellings_of_the_address(road: Pipeline, spelling: str) -> None:
    """People copy addresses from mails, telephones and search engines."""
    await road.see()
    assert await _asked(road, spelling) == await _asked(road)
    assert (await _asked(road))[0] == ("ingest", "read")


@pytest.mark.servers
async def test_waiting_in_the_outbox_of_ingest(road: Pipeline) -> None:
    """Kafka is away, say."""
    await road.see()
    assert await _asked(road) == [
        ("ingest", "read"),
        ("ingest", "waits in the outbox"),
        ("classifier", "not judged yet"),
    ]


@pytest.mark.servers
async def test_gated_out(road: Pipeline) -> None:
    """It speaks of no attack."""
    await road.see(title="Village fair", body="Cakes were sold in the church hall on Sunday.")
    await road.judge()
    assert (await _asked(road))[-1] == ("classifier", "gated out")


@pytest.mark.servers
async def test_judged_not_an_incident(road: Pipeline) -> None:
    """The verdict and its reason stand in the tracker."""
    await road.see(title="Cyberattack drill at Valmont General Hospital", body=HARMLESS)
    await road.judge()
    await road.merge()
    steps = await why(road.settings, road.engine, ARTICLE, None)
    assert [(one.part, one.outcome) for one in steps[-2:]] == [
        ("classifier", "judged: not an incident"),
        ("tracker", "kept, not an incident"),
    ]
    assert steps[-2].detail


@pytest.mark.servers
async def test_merged_into_another(road: Pipeline) -> None:
    """The second report of one attack names the incident that it went to."""
    await road.see()
    await road.judge()
    await road.merge()
    other = "https://radio.example/hospital-valmont"
    await road.see(other, "Valmont General Hospital: cyberattack closes emergency department")
    await road.judge()
    await road.merge()
    step = next(one for one in await why(road.settings, road.engine, other, None) if one.part == "tracker")
    assert step.outcome == "merged"
    assert "Valmont General Hospital" in step.detail


@pytest.mark.servers
async def test_filtered(road: Pipeline) -> None:
    """The subscription asked for more."""
    road.wanted = [Subscription(name="grave", channels=("mail",), minimum_level=5)]
    await road.all()
    assert (await _asked(road))[-1] == ("notifier", "filtered")
    assert (await _asked(road, subscription="grave"))[-1] == ("notifier", "filtered")
    assert (await _asked(road, subscription="nobody"))[-1] == ("notifier", "no such subscription")


@pytest.mark.servers
async def test_a_subscription_that_came_later_left_or_has_no_decision_kept(road: Pipeline) -> None:
    """What can be said of a subscription that no decision names."""
    await road.all()
    for name, since, removed in (
        ("newcomer", "now()", "NULL"),
        ("former", "now()", "now()"),
        ("forgetful", "now() - interval '1 year'", "NULL"),
    ):
        await _alter(road, f"INSERT INTO notifier.subscription VALUES ('{name}', {since}, {removed})")
    assert (await _asked(road, subscription="newcomer"))[-1] == ("notifier", "older than the subscription")
    assert (await _asked(road, subscription="former"))[-1] == ("notifier", "subscription removed")
    assert (await _asked(road, subscription="forgetful"))[-1] == ("notifier", "no decision kept")


@pytest.mark.servers
async def test_folded_and_waiting_then_folded(road: Pipeline) -> None:
    """Past the hourly limit."""
    road.wanted = [Subscription(name="duty", channels=("mail",), hourly_limit=1)]
    await road.all()
    other = "https://news.example.co.uk/ostheim"
    await road.see(
        other,
        "Cyberattack on Ostheim District Clinic: emergency department closed",
        "Ransomware hit Ostheim District Clinic. The emergency department is closed, ambulances are diverted.",
    )
    road.reports.clear()
    await road.judge()
    await road.merge()
    await road.match()
    assert (await _asked(road, other))[-1] == ("notifier", "folded, waits")
    await _alter(road, "UPDATE notifier.delivery SET created_at = created_at - interval '2 hours'")
    await road.send()
    assert (await _asked(road, other))[-2:] == [("notifier", "told, folded"), ("notifier", "sent")]


@pytest.mark.servers
async def test_failed(road: Pipeline, mail: MailSink) -> None:
    """The mailbox does not exist."""
    mail.refused.add("duty@hospital.example")
    await road.all()
    step = (await why(road.settings, road.engine, ARTICLE, None))[-1]
    assert step.outcome == "failed"
    assert "no such mailbox" in step.detail


@pytest.mark.servers
async def test_waiting_to_be_sent(road: Pipeline) -> None:
    """Nobody answers at the mail server: it is tried again."""
    road.port = 1
    await road.all()
    assert (await _asked(road))[-1] == ("notifier", "waits to be sent")


@pytest.mark.servers
async def test_waiting_in_the_outbox_of_the_tracker_and_in_the_topic_of_alerts(
    road: Pipeline, topics: Settings
) -> None:
    """Merged, and not yet matched."""
    await road.see()
    await road.judge()
    await road.merge()
    assert (await _asked(road))[-1] == ("tracker", "waits in the outbox")
    await _alter(road, "UPDATE tracker.outbox SET published_at = now()")
    assert (await _asked(road))[-1] == ("notifier", "not matched yet")


@pytest.mark.servers
async def test_waiting_in_the_topics_of_news_and_reports(road: Pipeline, topics: Settings) -> None:
    """Who is behind is named."""
    await road.see()
    await road.judge()
    async with producer(topics) as sender:
        await publish_all(sender, [Outgoing(REPORTS, b"??", b"{}")])
        step = (await why(road.settings, road.engine, ARTICLE, None))[-1]
        assert (step.part, step.outcome) == ("tracker", "not merged yet")
        await publish_all(sender, [Outgoing(NEWS, b"k", b"{}")])
    step = (await why(road.settings, road.engine, ARTICLE, None))[-1]
    assert (step.part, step.outcome) == ("classifier", "not judged yet")
    assert "1 behind" in step.detail


@pytest.mark.servers
@pytest.mark.parametrize("topic", [NEWS, REPORTS, ALERTS])
async def test_dead_letters(road: Pipeline, topics: Settings, topic: str) -> None:
    """Wherever on the road it died; an article of its own, since dead letters outlive the test."""
    mine = f"{ARTICLE}-that-died-in-{topic}"
    await road.see(url=mine)
    await road.judge()
    if topic == ALERTS:
        await road.merge()
        async with road.engine.begin() as connection:
            await connection.execute(text("UPDATE tracker.outbox SET published_at = now()"))
            row = (await connection.execute(text("SELECT key, value FROM tracker.outbox"))).one()
    elif topic == NEWS:
        async with road.engine.begin() as connection:
            row = (await connection.execute(text("SELECT key, value FROM ingest.outbox"))).one()
    else:
        row = (road.reports[0].key, road.reports[0].value)
    dead = record(Outgoing(topic, bytes(row[0] or b""), bytes(row[1] or b"")), 7)
    letter = make_dead_letter(dead, Permanent("unreadable"), group="test", now=datetime.now(UTC))
    async with producer(topics) as sender:
        await publish_all(sender, [letter.to_message()])
    part = {NEWS: "classifier", REPORTS: "tracker", ALERTS: "notifier"}[topic]
    assert (await _asked(road, mine))[-1] == (part, "dead letter")


@pytest.mark.servers
async def test_while_kafka_is_away_the_rest_is_told_all_the_same(road: Pipeline) -> None:
    """And that it is away."""
    await road.see()
    await road.judge()
    road.settings = road.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    step = (await why(road.settings, road.engine, ARTICLE, None))[-1]
    assert step.outcome == "not judged yet"
    assert "not to be asked now" in step.detail
    assert "does not answer" in step.detail


@pytest.mark.servers
async def test_nobody_had_subscribed(road: Pipeline) -> None:
    """The alert was matched with nothing."""
    await road.see()
    await road.judge()
    await road.merge()
    road.config = lambda: Pipeline.config(road).model_copy(update={"subscriptions": ()})  # type: ignore[method-assign]
    await road.match()
    assert (await _asked(road))[-1] == ("notifier", "nobody to tell")


@pytest.mark.servers
async def test_old_news_opens_silently(road: Pipeline) -> None:
    """What is older than seven days tells nobody."""
    await road.see(age=timedelta(days=20))
    await road.judge()
    await road.merge()
    await road.match()
    assert (await _asked(road))[-1] == ("notifier", "opened silently")


@pytest.mark.parametrize(
    ("tell", "pace", "reason", "listed", "outcome"),
    [
        ("none", "now", "level 2 (moderate) is below this subscription's minimum of 3", False, "filtered"),
        ("none", "now", "silenced until the level rises above 3", False, "silenced"),
        ("none", "now", "small facts only: a further source", False, "small facts only"),
        ("update", "digest", "small facts only: a further source; for the digest", False, "kept for the digest, waits"),
        ("update", "digest", "small facts only", True, "told as an update, kept for the digest"),
        ("update", "held", "level falls; quiet hours", False, "held for quiet hours, waits"),
        ("none", "now", "version 3 or a later one was told already", False, "known already"),
        ("none", "now", "this version is older than the subscription, which ...", False, "older than the subscription"),
        ("opening", "now", "level 4 (critical) meets the minimum of 3", False, "told"),
        ("update", "now", "the level rose", False, "told as an update"),
        ("retraction", "now", "retracted", False, "told as retracted"),
        ("opening", "folded", "past the limit", False, "folded, waits"),
        ("opening", "collected", "a backlog", True, "told, collected into a summary"),
        ("a later kind", "now", "of a newer version", False, "a later kind"),
    ],
)
def test_decisions_have_a_word(tell: str, pace: str, reason: str, listed: bool, outcome: str) -> None:
    """Also those of a newer version of this program."""
    assert decided(tell, pace, reason, listed=listed) == outcome


def _feed(url: str, **changes: Any) -> dict[str, Any]:
    read = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
    return {
        "name": url,
        "url": url,
        "state": "ok",
        "last_success": read,
        "next_poll": read,
        "last_error": None,
    } | changes


def test_an_address_never_seen_names_the_feeds_that_would_carry_it() -> None:
    """Of the same registered domain, then searches; with their state."""
    feeds = [
        _feed("https://feeds.herald.co.uk/rss", state="failing", last_error="answered 503"),
        _feed("https://other.co.uk/rss"),
        _feed("https://search.example/rss?q=hospital+attack&hl=en"),
    ]
    steps = never_seen("https://www.herald.co.uk/news/1", feeds)
    assert [one.outcome for one in steps] == ["never seen", "not found by searches"]
    assert "feeds.herald.co.uk" in steps[0].detail
    assert "failing, last read 2026-11-24 03:12 UTC" in steps[0].detail
    assert "answered 503" in steps[0].detail
    assert "other.co.uk" not in steps[0].detail
    assert "1 news search might" in steps[1].detail


def test_an_address_whose_feeds_were_never_read_was_never_polled() -> None:
    """It is not their fault yet."""
    feeds = [_feed("https://herald.example/rss", state="waiting", last_success=None)]
    (step,) = never_seen("https://herald.example/a", feeds)
    assert step.outcome == "never polled"
    assert "last read never" in step.detail


def test_an_address_of_no_configured_site_says_so() -> None:
    """And nothing else."""
    (step,) = never_seen("https://nobody.example/a", [_feed("https://herald.example/rss")])
    assert step.outcome == "never seen"
    assert "no configured feed is of nobody.example" in step.detail


def test_odd_addresses_are_answered_too() -> None:
    """Whatever a person pastes."""
    for odd in ("", " ", "http://[::1", "push:partner", "https://", "ftp://x", "http://127.0.0.1:81/a", "a b"):
        assert spellings(odd)
        assert isinstance(site_of(odd), str)
        assert not is_search(odd)
        assert never_seen(odd, [_feed("https://herald.example/rss")])


@pytest.mark.servers
async def test_a_group_that_never_committed_is_behind_by_the_whole_log(topics: Settings) -> None:
    """Also on a new cluster, where Kafka knows of no groups at all."""
    async with producer(topics) as sender:
        await publish_all(sender, [Outgoing(NEWS, b"k", b"{}"), Outgoing(NEWS, b"k", b"{}")])
    lags = {one["group"]: (one["lag"], one["state"]) for one in await group_states(topics)}
    assert lags == {
        "codegrey-classifier": (2, "running"),
        "codegrey-tracker": (0, "running"),
        "codegrey-notifier": (0, "running"),
    }
