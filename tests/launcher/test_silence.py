"""An incident is silenced by a command, kept by the notifier, and broken by what is graver."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.launcher.silence import silence, silence_words, silences, unsilence
from services.notifier.handle import Handler
from services.notifier.tables import delivery
from services.notifier.why import told as why
from services.tracker.handle import handler
from shared.events import Alert, AlertReason
from shared.settings import Settings
from tests.notifier.alert_samples import alert, subscription, subscriptions
from tests.notifier.alert_samples import received as alerts
from tests.tracker.reports import Signal, received, report


class Desk:
    """An incident that two subscriptions were told of, and the commands."""

    def __init__(self, engine: AsyncEngine, settings: Settings, incident: str) -> None:
        self.engine, self.settings, self.incident = engine, settings, incident
        self.config = subscriptions(subscription(), subscription(name="other"))

    async def hear(self, **changes: Any) -> None:
        """Hand a version to the notifier."""
        version = changes.get("version", 1)
        known = {"incident_id": self.incident, "id": Alert.make_id(self.incident, version)} | changes
        await Handler(self.engine, lambda: self.config)(alerts(alert(**known)))

    async def told(self) -> list[tuple[str, str]]:
        """Return what went out: to whom, as what."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(delivery).order_by(delivery.c.seq))
            return [(row.subscription, row.purpose) for row in rows]

    async def run(self, command: click.Command, *arguments: str) -> Result:
        """Run a command as a person does."""
        environment = {"CODEGREY_DATABASE_URL": self.settings.database_url.get_secret_value()}
        return await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environment)

    async def listed(self, *arguments: str) -> list[Any]:
        """Return the silences as the command prints them."""
        found: list[Any] = json.loads((await self.run(silences, "list", "--json", *arguments)).stdout)
        return found


@pytest.fixture
async def desk(engine: AsyncEngine, settings: Settings) -> Desk:
    """Open an incident and tell two subscriptions of it."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    await handler(engine, asyncio.Event())(received(report("Clinique du Lac", Signal.EMERGENCY_CLOSED)))
    async with engine.connect() as connection:
        incident = str(await connection.scalar(text("SELECT id FROM tracker.incident")))
    desk = Desk(engine, settings, incident)
    await desk.hear()
    return desk


BOTH = [("duty", "opening"), ("other", "opening")]


@pytest.mark.servers
async def test_a_silence_mutes_one_subscription_until_the_level_rises(desk: Desk) -> None:
    """The other is told on; broken, it is over, and what comes next is told again."""
    made = await desk.run(silence, desk.incident[:8], "--subscription", "duty", "--because", "we know")
    assert made.exit_code == 0, made.output
    assert f"{desk.incident[:12]}  silenced for duty at level 4, until it is worse; we know" in made.stdout
    await desk.hear(version=2, level=3, reason=AlertReason.LOWERED)
    assert await desk.told() == [*BOTH, ("other", "update")]
    (step,) = [one for one in await why(desk.engine, desk.incident, "duty") if one.outcome == "silenced"]
    assert "silenced at level 4 (we know); else: level falls" in step.detail
    assert [(row["subscription"], row["in_force"]) for row in await desk.listed()] == [("duty", True)]
    await desk.hear(version=3, level=4)
    assert (await desk.told())[3:] == [("other", "update")]
    await desk.hear(version=4, level=5)
    assert (await desk.told())[4:] == [("duty", "update"), ("other", "update")]
    assert await desk.listed() == []
    assert [row["ended"] for row in await desk.listed("--all")] == ["its level rose from 4 to 5"]
    await desk.hear(version=5, level=4)
    assert (await desk.told())[6:] == [("duty", "update"), ("other", "update")]


@pytest.mark.servers
async def test_a_silence_for_all_lets_a_retraction_through_to_those_who_were_told(desk: Desk) -> None:
    """And ends with it."""
    assert (await desk.run(silence, desk.incident)).exit_code == 0
    await desk.hear(version=2, level=3)
    assert await desk.told() == BOTH
    await desk.hear(version=3, level=3, reason=AlertReason.RETRACTED)
    assert (await desk.told())[2:] == [("duty", "retraction"), ("other", "retraction")]
    assert [row["ended"] for row in await desk.listed("--all")] == ["it was retracted"]


@pytest.mark.servers
async def test_a_silence_runs_out_is_replaced_and_taken_back(desk: Desk) -> None:
    """Whatever was said last counts; what ran out mutes nobody."""
    assert (await desk.run(silence, desk.incident, "--until", "8h")).exit_code == 0
    assert (await desk.run(silence, desk.incident, "--until", "3d", "--json")).exit_code == 0
    assert len(await desk.listed()) == 1
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.silence SET until = now() - interval '1 second'"))
    assert await desk.listed() == []
    await desk.hear(version=2, level=3)
    assert len(await desk.told()) == 4
    assert (await desk.run(unsilence, desk.incident)).exit_code == 1
    assert (await desk.run(silence, desk.incident)).exit_code == 0
    await desk.hear(version=3, level=2)
    assert len(await desk.told()) == 4
    assert (await desk.run(unsilence, desk.incident[:10])).exit_code == 0
    await desk.hear(version=4, level=2, sources=())
    assert len(await desk.told()) == 6, "the next version tells what was not told meanwhile"
    assert [row["ended"] for row in await desk.listed("--all")] == ["taken back", "ran out", "replaced"]


@pytest.mark.servers
async def test_an_older_version_that_comes_late_breaks_no_silence(desk: Desk) -> None:
    """A dead letter that is replayed, say."""
    await desk.hear(version=3, level=3)
    assert (await desk.run(silence, desk.incident, "--subscription", "duty")).exit_code == 0
    await desk.hear(version=2, level=5)
    assert len(await desk.listed()) == 1


@pytest.mark.servers
async def test_what_people_have_not_heard_of_yet_reaches_them(desk: Desk) -> None:
    """The incident is graver already than what they were told: the notifier is behind."""
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE tracker.incident SET level = 5"))
    assert "at level 4" in (await desk.run(silence, desk.incident)).stdout
    await desk.hear(version=2, level=5)
    assert (await desk.told())[2:] == [("duty", "update"), ("other", "update")]


@pytest.mark.servers
async def test_a_level_that_has_fallen_is_the_one_that_counts(desk: Desk) -> None:
    """Who was told of more hears when it rises again."""
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE tracker.incident SET level = 3"))
    assert "at level 3" in (await desk.run(silence, desk.incident)).stdout
    await desk.hear(version=2, level=4, reason=AlertReason.CORRECTED)
    assert len(await desk.told()) == 4


def test_a_strangers_words_do_not_steer_the_terminal() -> None:
    """A headline is made of names that a page gave: no escape of it reaches the terminal, no sign that turns lines."""
    row = {"incident_id": "a" * 32, "subscription": "", "level": 4, "until": None, "because": "", "ended": None}
    words = silence_words(row | {"headline": "Attack on \x1b]0;owned\x07Klinik\u202e\nunsilenced"})
    assert words.isprintable()
    assert words.endswith("Attack on ]0;ownedKlinikunsilenced")


@pytest.mark.servers
async def test_what_is_wrong_use_is_refused(desk: Desk) -> None:
    """An unknown subscription or incident, a moment that is none or has passed."""
    assert (await desk.run(silence, desk.incident, "--until", "soon")).exit_code == 2
    for arguments in (
        ("ffff",),
        (desk.incident, "--subscription", "nobody"),
        (desk.incident, "--until", "2020-01-01"),
    ):
        assert (await desk.run(silence, *arguments)).exit_code == 1
    assert await desk.listed("--all") == []
