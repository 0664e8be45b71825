"""From a feed to a mailbox, with everything real, and every command that looks at it."""

from __future__ import annotations

import json
from itertools import count

import httpx2
import psutil
import pytest

from shared.kafka import producer
from shared.publish import Outgoing, publish_all
from shared.settings import read_endpoints
from shared.topics import ALERTS, EVENT_TOPICS, NEWS, REPORTS
from tests.chaos.attacks import Attack, make_attack, towns
from tests.road.conftest import Road
from tests.shared.test_consume import poisons
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

TOWNS = towns(11)


_numbers = count()


@pytest.fixture
async def attack(road: Road) -> Attack:
    """Publish an attack of its own for one test, and wait until the mailbox and the chat have its alert."""
    published = make_attack(next(_numbers), TOWNS)
    road.feed.add(published)
    await road.alerted(published)
    return published


async def test_an_attack_in_a_feed_reaches_the_mailbox_and_the_chat_once(road: Road, attack: Attack) -> None:
    """The message says what happened, to whom, how bad, why, and where it says so."""
    (mail,) = [mail for mail in road.mail.messages if attack.hospital in mail.subject]
    (call,) = [call for call in road.chat.messages if attack.hospital in call.title]
    assert "4" in mail.subject
    for part in (mail.text, mail.html):
        assert attack.hospital in part
        assert "emergency department" in part.lower()
        assert f"http://news.example/attack-{attack.number}" in part
    assert mail.message.get_content_type() == "multipart/alternative"
    assert "emergency department" in call.text.lower()


async def test_status_shows_topics_groups_feeds_and_deliveries(road: Road, attack: Attack) -> None:
    """One command answers whether everything is well."""
    status = await road.ask("status")
    assert {row["topic"] for row in status["topics"]} == {topic.name for topic in EVENT_TOPICS}
    assert all(row["lag"] == 0 and row["state"] == "running" for row in status["groups"])
    (feed,) = status["feeds"]
    assert feed["last_success"]
    assert not feed["last_error"]
    assert status["deliveries"]["sent"] >= 2
    assert "Road News" in (await road.command("status"))[0]


async def test_why_answers_for_each_step_of_the_road(road: Road, attack: Attack) -> None:
    """Also for an address that was never seen."""
    steps = await road.ask("why", f"http://news.example/attack-{attack.number}")
    parts = list(dict.fromkeys(step["part"] for step in steps))
    assert parts == ["ingest", "classifier", "tracker", "notifier"], steps
    assert any(step["part"] == "notifier" and step["outcome"] == "sent" for step in steps), steps
    (unknown,) = await road.ask("why", "http://news.example/never-seen")
    assert unknown["part"] == "ingest"


async def test_an_incident_can_be_shown_and_its_retraction_reaches_those_who_were_told(
    road: Road, attack: Attack
) -> None:
    """`incidents retract` goes the same way as an alert."""
    (incident,) = [one for one in await road.ask("incidents", "list") if attack.hospital in one["headline"]]
    shown = await road.ask("incidents", "show", incident["id"][:10])
    assert "emergency department" in str(shown)
    await road.command("incidents", "retract", incident["id"], "--because", "the hospital denies it")
    await wait_until(
        lambda: [mail for mail in road.mail.messages if "the hospital denies it" in mail.text],
        what="the retraction",
    )


async def test_subscriptions_test_sends_a_marked_test(road: Road) -> None:
    """Through every channel of the subscription, marked as a test."""
    await road.command("subscriptions", "test", "duty")
    assert [mail for mail in road.mail.messages if "test" in mail.subject.lower()]
    assert [call for call in road.chat.messages if "test" in call.title.lower()]


async def test_poison_on_every_topic_ends_in_the_dead_letters_and_the_operators_are_told(road: Road) -> None:
    """Ten kinds of poison on each topic; an attack published after them still arrives."""
    poisoned = (NEWS, REPORTS, ALERTS)
    before = {row["topic"]: row["dead"] for row in (await road.ask("status"))["topics"]}
    async with producer(road.stack.settings()) as sender:
        for topic in poisoned:
            await publish_all(sender, [Outgoing(topic, one.key, one.value, one.headers) for one in poisons()])
    published = make_attack(next(_numbers), TOWNS)
    road.feed.add(published)
    await road.alerted(published)

    async def buried() -> bool:
        counts = {row["topic"]: row["dead"] for row in (await road.ask("status"))["topics"]}
        return all(counts[topic] >= before[topic] + len(poisons()) for topic in poisoned)

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
    published = make_attack(next(_numbers), TOWNS)
    road.feed.add(published)
    await road.command("dead", "resume", "codegrey-tracker")
    await road.alerted(published)


async def test_a_replayed_dead_letter_is_tried_again(road: Road) -> None:
    """What is still unreadable dies again under its new address; the old one is cleared."""
    async with producer(road.stack.settings()) as sender:
        await publish_all(sender, [Outgoing(NEWS, b"k", b"to be replayed")])

    async def origins() -> set[str]:
        return {letter["origin"] for letter in await road.ask("dead", "list", NEWS)}

    letters = await wait_until(origins, every=0.5, what="a dead letter")
    (chosen, *_) = sorted(letters)
    await road.command("dead", "replay", chosen)

    async def moved() -> bool:
        now = await origins()
        return chosen not in now and len(now) >= len(letters)

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
    """Ctrl-C drains; what is published meanwhile arrives after the next start, once."""
    before = len(road.mail.messages)
    assert await road.stack.down() == 0
    published = make_attack(next(_numbers), TOWNS)
    road.feed.add(published)
    await road.stack.up()
    await road.alerted(published)
    alerts = [mail for mail in road.mail.messages[before:] if "duty@hospital.example" in mail.recipients]
    assert [published.hospital in mail.subject for mail in alerts] == [True]


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its children."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


async def _troubles(road: Road, service: str) -> dict[str, str]:
    """Ask one service's own readiness."""
    port = read_endpoints(road.stack.data)["services"][service]
    async with httpx2.AsyncClient(timeout=10) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/ready")
    body = answer.json()
    assert (answer.status_code == 200) is body["ready"]
    troubles: dict[str, str] = body["troubles"]
    return troubles


@pytest.mark.parametrize(
    ("server", "check", "services"),
    [("postgres", "database", ("ingest", "tracker", "notifier")), ("kafka", "Kafka", ("ingest", "classifier"))],
)
async def test_readiness_tells_of_a_server_that_hangs_and_of_its_return(
    road: Road, server: str, check: str, services: tuple[str, ...]
) -> None:
    """A server that is stopped, not dead, refuses nothing and answers nothing: the hardest case to notice."""
    stopped = [one for pid in [road.stack.pid(server)] if pid for one in family(pid)]
    for one in stopped:
        one.suspend()
    try:
        for service in services:

            async def not_ready(service: str = service) -> bool:
                return check in await _troubles(road, service)

            await wait_until(not_ready, within=30, every=0.5, what=f"{service} to notice")
    finally:
        for one in stopped:
            one.resume()
    for service in ("ingest", "classifier", "tracker", "notifier"):

        async def ready(service: str = service) -> bool:
            try:
                return not await _troubles(road, service)
            except httpx2.HTTPError:
                return False  # it may be starting again

        await wait_until(ready, within=60, every=0.5, what=f"{service} to be ready again")


async def test_one_correlation_id_follows_an_entry_from_feed_to_delivery(road: Road, attack: Attack) -> None:
    """Searching the logs for it tells the whole story."""
    published = [
        line
        for line in (road.stack.data / "logs" / "ingest.jsonl").read_text("utf-8").splitlines()
        if "entry published" in line
    ]
    correlation = json.loads(published[-1])["correlation_id"]
    for service in ("ingest", "classifier", "tracker", "notifier"):
        log, line = road.stack.data / "logs" / f"{service}.jsonl", f'"correlation_id": "{correlation}"'
        await wait_until(lambda log=log, line=line: line in log.read_text("utf-8"), what=f"{service} to name it")
