"""From a feed to a mailbox, with everything real, and every command that looks at it."""

from __future__ import annotations

import pytest

from shared.kafka import producer
from shared.publish import Outgoing, publish_all
from shared.topics import ALERTS, EVENT_TOPICS, NEWS, REPORTS
from tests.chaos.attacks import make_attack, towns
from tests.road.conftest import Road
from tests.shared.test_consume import poisons
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

TOWNS = towns(11)


async def test_an_attack_in_a_feed_reaches_the_mailbox_and_the_chat_once(road: Road) -> None:
    """The message says what happened, to whom, how bad, why, and where it says so."""
    attack = make_attack(0, TOWNS)
    road.feed.add(attack)
    await wait_until(lambda: road.mail.messages and road.chat.messages, what="the alert")
    (mail,) = road.mail.messages
    assert attack.hospital in mail.subject
    assert "4" in mail.subject
    for part in (mail.text, mail.html):
        assert attack.hospital in part
        assert "emergency department" in part.lower()
        assert f"http://news.example/attack-{attack.number}" in part
    assert mail.message.get_content_type() == "multipart/alternative"
    assert attack.hospital in road.chat.messages[0].title


async def test_status_shows_topics_groups_feeds_and_deliveries(road: Road) -> None:
    """One command answers whether everything is well."""
    status = await road.ask("status")
    assert {row["topic"] for row in status["topics"]} == {topic.name for topic in EVENT_TOPICS}
    assert all(row["lag"] == 0 and row["state"] == "running" for row in status["groups"])
    (feed,) = status["feeds"]
    assert feed["last_success"]
    assert not feed["last_error"]
    assert status["deliveries"]["sent"] >= 2
    assert "Road News" in (await road.command("status"))[0]


async def test_why_answers_for_each_step_of_the_road(road: Road) -> None:
    """Also for an address that was never seen."""
    steps = await road.ask("why", "http://news.example/attack-0")
    parts = list(dict.fromkeys(step["part"] for step in steps))
    assert parts == ["ingest", "classifier", "tracker", "notifier"], steps
    assert any(step["part"] == "notifier" and step["outcome"] == "sent" for step in steps), steps
    (unknown,) = await road.ask("why", "http://news.example/never-seen")
    assert unknown["part"] == "ingest"


async def test_an_incident_can_be_shown_and_its_retraction_reaches_those_who_were_told(road: Road) -> None:
    """`incidents retract` goes the same way as an alert."""
    (incident,) = await road.ask("incidents", "list")
    shown = await road.ask("incidents", "show", incident["id"][:10])
    assert "emergency department" in str(shown)
    before = len(road.mail.messages)
    await road.command("incidents", "retract", incident["id"], "--because", "the hospital denies it")
    await wait_until(lambda: len(road.mail.messages) > before, what="the retraction")
    assert "the hospital denies it" in road.mail.messages[-1].text


async def test_subscriptions_test_sends_a_marked_test(road: Road) -> None:
    """Through every channel of the subscription, marked as a test."""
    mails, calls = len(road.mail.messages), len(road.chat.messages)
    await road.command("subscriptions", "test", "duty")
    assert len(road.mail.messages) == mails + 1
    assert len(road.chat.messages) == calls + 1
    assert "test" in road.mail.messages[-1].subject.lower()


async def test_poison_on_every_topic_ends_in_the_dead_letters_and_the_operators_are_told(road: Road) -> None:
    """Ten kinds of poison on each topic; an attack published after them still arrives."""
    poisoned = (NEWS, REPORTS, ALERTS)
    async with producer(road.stack.settings()) as sender:
        for topic in poisoned:
            await publish_all(sender, [Outgoing(topic, one.key, one.value, one.headers) for one in poisons()])
    attack = make_attack(1, TOWNS)
    road.feed.add(attack)
    await road.alerted(attack)

    async def buried() -> bool:
        counts = {row["topic"]: row["dead"] for row in (await road.ask("status"))["topics"]}
        return all(counts[topic] == len(poisons()) for topic in poisoned)

    await wait_until(buried, within=30, every=0.5, what="thirty dead letters")
    letters = await road.ask("dead", "list")
    shown, _ = await road.command("dead", "show", letters[0]["origin"])
    assert letters[0]["error"] in shown
    await wait_until(
        lambda: any("operator@hospital.example" in mail.recipients for mail in road.mail.messages),
        within=60,
        what="the operators' message",
    )


async def test_a_flood_of_poison_pauses_the_consumer_until_resumed(road: Road) -> None:
    """The service stays alive, is not ready, says why, and goes on when told."""
    async with producer(road.stack.settings()) as sender:
        await publish_all(sender, [Outgoing(REPORTS, b"k", b"rubbish") for _ in range(30)])

    async def paused() -> bool:
        groups = {row["group"]: row for row in (await road.ask("status"))["groups"]}
        return bool(groups["codegrey-tracker"]["state"] == "paused")

    await wait_until(paused, every=0.5, what="the pause")
    attack = make_attack(2, TOWNS)
    road.feed.add(attack)
    await road.command("dead", "resume", "codegrey-tracker")
    await road.alerted(attack)


async def test_a_replayed_dead_letter_is_tried_again(road: Road) -> None:
    """What is still unreadable dies again under its new address; the old one is cleared."""
    letters = await road.ask("dead", "list", NEWS)
    await road.command("dead", "replay", letters[0]["origin"])

    async def moved() -> bool:
        now = {letter["origin"] for letter in await road.ask("dead", "list", NEWS)}
        return letters[0]["origin"] not in now and len(now) == len(letters)

    await wait_until(moved, every=0.5)


async def test_a_new_feed_in_the_config_is_read_without_a_restart(road: Road) -> None:
    """And a broken config is told while the old one stays in force."""
    file = road.stack.config / "feeds.yaml"
    good = file.read_text("utf-8")
    file.write_text(good + "  - {url: 'http://127.0.0.1:9/none.xml', name: Nobody, allow_private: true}\n", "utf-8")

    async def known() -> bool:
        return "Nobody" in {feed["name"] for feed in (await road.ask("status"))["feeds"]}

    await wait_until(known, every=0.5, what="the new feed")
    file.write_text(good, "utf-8")


async def test_topics_and_migrations_are_safe_to_repeat(road: Road) -> None:
    """Both commands find everything as it should be."""
    states = await road.ask("topics", "create")
    assert {state["outcome"] for state in states} == {"as it should be"}
    assert "is up to date" in (await road.command("migrate"))[1]


async def test_the_asyncapi_document_names_every_topic(road: Road) -> None:
    """It is printed by a command, not served by an open page."""
    document, _ = await road.command("asyncapi")
    assert all(topic.name in document for topic in EVENT_TOPICS)


async def test_stopping_and_starting_again_loses_nothing_and_repeats_nothing(road: Road) -> None:
    """Last in this file: Ctrl-C drains; what is published meanwhile arrives after the next start, once."""
    before = len(road.mail.messages)
    assert await road.stack.down() == 0
    attack = make_attack(3, TOWNS)
    road.feed.add(attack)
    await road.stack.up()
    await road.alerted(attack)
    alerts = [mail for mail in road.mail.messages[before:] if "duty@hospital.example" in mail.recipients]
    assert [attack.hospital in mail.subject for mail in alerts] == [True]
