"""The notifier's surroundings: the file that changes, the operators, the commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.commands import subscriptions as command
from services.notifier.config import Operators, Subscriptions
from services.notifier.handle import Handler
from services.notifier.reload import LiveConfig
from services.notifier.tables import delivery, subscription, trouble
from services.notifier.watch import Watch
from shared.control import GroupState, set_state
from shared.dead_letters import DeadLetter, now_utc
from shared.errors import ConfigError
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import NEWS, dead
from shared.trouble import Trouble
from tests.notifier.alert_samples import alert, received, subscriptions
from tests.notifier.notifier_sinks import MailSink, free_port, mail_sink

FILE = """channels:
  mail: {kind: email, to: duty@hospital.example}
subscriptions:
  - {name: first, channels: [mail]}
"""


@pytest.fixture
def mail() -> Iterator[MailSink]:
    """Run a mail server."""
    with mail_sink() as sink:
        yield sink


async def _names(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        query = select(subscription.c.name).where(subscription.c.removed_at.is_(None))
        return set((await connection.execute(query)).scalars())


@pytest.mark.servers
async def test_a_changed_file_is_picked_up_and_a_broken_one_changes_nothing(
    engine: AsyncEngine, settings: Settings, tmp_path: Path
) -> None:
    """Edit the file under a running notifier, well and badly."""
    file = tmp_path / "subscriptions.yaml"
    file.write_text(FILE)
    live = LiveConfig(settings.model_copy(update={"config": tmp_path}), engine)
    assert not await live.refresh()
    assert await _names(engine) == {"first"}
    file.write_text(FILE + "  - {name: second, channels: [nowhere]}\n")
    assert not await live.refresh()
    assert "subscriptions.yaml:5: " in live.problem
    assert [one.name for one in live().subscriptions] == ["first"]
    file.write_text(FILE + "  - {name: second, channels: [mail]}\n")
    assert await live.refresh()
    assert live.problem == ""
    assert await _names(engine) == {"first", "second"}
    file.write_text(FILE.replace("first", "third"))
    assert await live.refresh()
    assert await _names(engine) == {"third"}


@pytest.mark.servers
async def test_a_file_that_is_broken_at_the_start_is_refused(
    engine: AsyncEngine, settings: Settings, tmp_path: Path
) -> None:
    """Start with nothing rather than with half."""
    for content in (None, "channels: 7\n"):
        if content:
            (tmp_path / "subscriptions.yaml").write_text(content)
        with pytest.raises(ConfigError):
            LiveConfig(settings.model_copy(update={"config": tmp_path}), engine)


def _with_operators() -> Subscriptions:
    return subscriptions().model_copy(update={"operators": Operators(channels=("duty-mail",))})


async def _subjects(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        query = select(delivery.c.message).where(delivery.c.subscription == "operators").order_by(delivery.c.seq)
        return [message["subject"] for message in (await connection.execute(query)).scalars()]


@pytest.mark.servers
async def test_operators_hear_of_a_trouble_once_and_once_when_it_is_over(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Tell the same trouble from two processes at the same time, then let it end."""
    watches = [Watch(engine, settings, _with_operators, asyncio.Event()) for _ in range(2)]
    wrong = [Trouble("dead:codegrey.news", "1 message of codegrey.news could not be read", "look")]
    for _ in range(2):
        await asyncio.gather(*(watch.tell(wrong) for watch in watches))
    await asyncio.gather(*(watch.tell([]) for watch in watches))
    assert await _subjects(engine) == [
        "[Code Grey trouble] 1 message of codegrey.news could not be read",
        "[Code Grey recovered] 1 message of codegrey.news could not be read",
    ]


@pytest.mark.servers
async def test_operators_hear_of_each_lost_delivery_once_and_never_of_their_own(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Let a delivery fail, then let the notice of it fail as well."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    await Handler(engine, subscriptions)(received(alert()))
    watch = Watch(engine, settings, _with_operators, asyncio.Event())
    failed = text("UPDATE notifier.delivery SET state = 'failed', last_error = '550 no such mailbox'")
    assert await watch.tell_lost() == 0
    async with engine.begin() as connection:
        await connection.execute(failed)
    assert await watch.tell_lost() == 1
    async with engine.begin() as connection:
        await connection.execute(failed)
    assert await watch.tell_lost() == 0
    assert await _subjects(engine) == ["[Code Grey trouble] 1 message was not delivered for sure"]


@pytest.mark.servers
async def test_dead_letters_and_paused_groups_are_seen_in_kafka(
    engine: AsyncEngine, settings: Settings, producer: AIOKafkaProducer, topics: None
) -> None:
    """Publish a dead letter and a pause, look, clear both, look again."""
    letter = DeadLetter(topic=NEWS, partition=0, offset=7, group="g", error="e", died_at=now_utc())
    pause = GroupState(group="codegrey-tracker", state="paused", since=now_utc(), reason="a flood of poison")
    watch = Watch(engine, settings, _with_operators, asyncio.Event())
    await publish_all(producer, [letter.to_message()])
    await set_state(producer, pause)
    await watch.look()
    await publish_all(producer, [Outgoing(dead(NEWS), letter.origin.encode(), None)])
    await set_state(producer, pause.model_copy(update={"state": "running"}))
    await watch.look()
    found = await _subjects(engine)
    assert sorted(found) == [
        "[Code Grey recovered] 1 message of codegrey.news could not be read",
        "[Code Grey recovered] consumer codegrey-tracker is paused",
        "[Code Grey trouble] 1 message of codegrey.news could not be read",
        "[Code Grey trouble] consumer codegrey-tracker is paused",
    ]
    async with engine.connect() as connection:
        assert (await connection.execute(select(trouble))).all() == []


def _environment(tmp_path: Path, port: int) -> dict[str, str]:
    (tmp_path / "subscriptions.yaml").write_text(
        FILE
        + "  - {name: both, channels: [mail, siem]}\noperators: {channels: [mail]}\n".replace("operators", "operators")
    )
    content = (tmp_path / "subscriptions.yaml").read_text()
    (tmp_path / "subscriptions.yaml").write_text(
        content.replace("subscriptions:\n", "  siem: {kind: webhook}\nsubscriptions:\n", 1)
    )
    return {
        "CODEGREY_CONFIG": str(tmp_path),
        "CODEGREY_DATA": str(tmp_path / "data"),
        "CODEGREY_SMTP_HOST": "127.0.0.1",
        "CODEGREY_SMTP_PORT": str(port),
        "CODEGREY_SMTP_SECURITY": "none",
        "CODEGREY_SMTP_FROM": "codegrey@hospital.example",
    }


def test_the_test_command_sends_a_marked_test_and_says_what_came_of_it(tmp_path: Path, mail: MailSink) -> None:
    """Reach the mailbox through the channel itself."""
    environment = _environment(tmp_path, mail.port)
    result = CliRunner().invoke(command, ["test", "first", "--json"], env=environment)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["outcome"] == "sent"
    assert mail.mails[0]["Subject"] == "[TEST] Code Grey: this is a test of subscription first"


def test_the_test_command_fails_where_one_channel_does(tmp_path: Path) -> None:
    """Name each channel's trouble, and end with 1."""
    environment = _environment(tmp_path, free_port())
    result = CliRunner().invoke(command, ["test", "both"], env=environment)
    assert result.exit_code == 1
    assert "mail:duty@hospital.example: not sent (no connection to the mail server" in result.stdout
    assert "siem: not sent (channel 'siem' has no secret: set CODEGREY_CHANNEL_SIEM" in result.stdout


def test_the_test_command_knows_a_name_that_is_not_there(tmp_path: Path) -> None:
    """Call it wrong use and name those that are there."""
    result = CliRunner().invoke(command, ["test", "nobody"], env=_environment(tmp_path, 1))
    assert (result.exit_code, "known: first, both" in result.stderr) == (2, True)


def test_check_finds_what_a_channel_lacks_without_sending(tmp_path: Path) -> None:
    """Refuse a missing secret and an address that is none."""
    environment = _environment(tmp_path, 1)
    missing = CliRunner().invoke(command, ["check"], env=environment)
    wrong = CliRunner().invoke(command, ["check"], env=environment | {"CODEGREY_CHANNEL_SIEM": "slack://x"})
    well = CliRunner().invoke(command, ["check"], env=environment | {"CODEGREY_CHANNEL_SIEM": "https://x.example/h"})
    assert (missing.exit_code, wrong.exit_code, well.exit_code) == (1, 1, 0)
    assert "set CODEGREY_CHANNEL_SIEM" in missing.stderr
    assert "slack://x" not in wrong.stderr


def test_list_shows_the_subscriptions(tmp_path: Path) -> None:
    """Print for people and for machines."""
    environment = _environment(tmp_path, 1)
    shown = CliRunner().invoke(command, ["list"], env=environment)
    data = CliRunner().invoke(command, ["list", "--json"], env=environment)
    assert "first: from level 2, everywhere; outages from level 4" in shown.stdout
    assert [one["name"] for one in json.loads(data.stdout)] == ["first", "both"]
