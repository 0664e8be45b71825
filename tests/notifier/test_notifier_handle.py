"""Each alert is matched once, in one transaction, whatever is delivered twice or at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import Channel, Subscriptions
from services.notifier.fold import fold_due
from services.notifier.handle import Handler
from services.notifier.store import register
from services.notifier.tables import METADATA, delivery, notice
from services.notifier.why import told as why
from shared.events import Alert, AlertReason, Arrival
from tests.notifier.alert_samples import alert, facts, received, subscription, subscriptions

pytestmark = pytest.mark.servers


async def _old_installation(engine: AsyncEngine) -> None:
    """Let the subscriptions exist since long ago, as the invented alerts want it."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))


async def _handle(engine: AsyncEngine, config: Subscriptions, *alerts: Alert) -> None:
    await Handler(engine, lambda: config)(received(*alerts))


async def _rows(engine: AsyncEngine, table: Any) -> list[Any]:
    async with engine.connect() as connection:
        order = table.c.seq if table is delivery else table.c.id
        return list((await connection.execute(select(table).order_by(order))).all())


async def test_the_migrations_give_what_the_tables_say(engine: AsyncEngine) -> None:
    """Compare the migrated schema with the metadata."""

    def compare(connection: Connection) -> list[Any]:
        options = {
            "include_schemas": True,
            "version_table": "migration",
            "version_table_schema": "notifier",
            "include_name": lambda name, kind, _parents: kind != "schema" or name == "notifier",
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_an_alert_is_told_to_those_who_match_and_the_others_have_a_reason(engine: AsyncEngine) -> None:
    """Write a delivery for one and a decision for both."""
    await _old_installation(engine)
    config = subscriptions(subscription(), subscription(name="quiet", minimum_level=5))
    await _handle(engine, config, alert())
    assert [(row.subscription, row.purpose, row.state) for row in await _rows(engine, delivery)] == [
        ("duty", "opening", "queued")
    ]
    decisions = {row.subscription: (row.tell, row.reason) for row in await _rows(engine, notice)}
    assert decisions["duty"][0] == "opening"
    assert decisions["quiet"] == ("none", "level 4 (critical) is below this subscription's minimum of 5")
    steps = await why(engine, alert().incident_id, "quiet")
    assert [(step.outcome, "below" in step.detail) for step in steps] == [("filtered", True)]


async def test_an_alert_that_comes_again_changes_nothing(engine: AsyncEngine) -> None:
    """Deliver twice in one batch, then again in another."""
    await _old_installation(engine)
    await _handle(engine, subscriptions(), alert(), alert())
    before = await _rows(engine, delivery)
    await _handle(engine, subscriptions(), alert())
    assert await _rows(engine, delivery) == before
    assert len(before) == len(await _rows(engine, notice)) == 1


async def test_two_processes_that_get_the_same_alerts_tell_them_once(engine: AsyncEngine) -> None:
    """Hand the same batch to four handlers at the same time."""
    await _old_installation(engine)
    batch = [alert(number) for number in range(5)]
    await asyncio.gather(*(_handle(engine, subscriptions(), *batch) for _ in range(4)))
    assert len(await _rows(engine, delivery)) == 5


async def test_a_refused_batch_leaves_nothing_behind(engine: AsyncEngine) -> None:
    """Fail after the inbox was written: the alert must not count as seen."""
    await _old_installation(engine)
    broken = Subscriptions.model_construct(
        channels={}, subscriptions=(subscription(channels=("gone",)),), operators=None
    )
    with pytest.raises(KeyError):
        await _handle(engine, broken, alert())
    await _handle(engine, subscriptions(), alert())
    assert len(await _rows(engine, delivery)) == 1


async def test_a_retraction_reaches_only_those_who_were_told(engine: AsyncEngine) -> None:
    """Retract what one of two subscriptions was told."""
    await _old_installation(engine)
    config = subscriptions(subscription(), subscription(name="belgium", countries=("BE",)))
    await _handle(engine, config, alert())
    await _handle(engine, config, alert(version=2, reason=AlertReason.RETRACTED))
    assert [(row.subscription, row.purpose) for row in await _rows(engine, delivery)] == [
        ("duty", "opening"),
        ("duty", "retraction"),
    ]


async def test_a_retraction_goes_where_the_alert_went(engine: AsyncEngine) -> None:
    """Follow the channel of the alert, though the subscription uses another by now."""
    await _old_installation(engine)
    channels = {
        "mail": Channel(kind="email", to=("a@hospital.example",)),
        "other": Channel(kind="email", to=("b@hospital.example",)),
    }
    await _handle(engine, subscriptions(subscription(channels=("mail",)), **channels), alert())
    edited = subscriptions(subscription(channels=("other",)), **channels)
    await _handle(engine, edited, alert(version=2, reason=AlertReason.RETRACTED))
    assert [row.address for row in await _rows(engine, delivery)] == ["a@hospital.example"] * 2


async def test_an_edited_subscription_is_not_told_again_and_a_new_one_from_the_next_version(
    engine: AsyncEngine,
) -> None:
    """Edit one subscription and add another between two versions of one incident."""
    await _old_installation(engine)
    await _handle(engine, subscriptions(), alert())
    config = subscriptions(subscription(minimum_level=1), subscription(name="late"))
    async with engine.begin() as connection:
        since = await register(connection, config)
    await _handle(engine, config, alert())
    assert len(await _rows(engine, delivery)) == 1
    old = alert(version=2, created_at=since["late"] - timedelta(seconds=1), level=5)
    await _handle(engine, config, old)
    new = alert(version=3, created_at=since["late"] + timedelta(seconds=1), facts=facts(data="published"), level=5)
    await _handle(engine, config, new)
    assert [(row.subscription, row.purpose) for row in await _rows(engine, delivery)] == [
        ("duty", "opening"),
        ("duty", "update"),
        ("duty", "update"),
        ("late", "opening"),
    ]


async def test_a_subscription_that_left_and_comes_back_starts_anew(engine: AsyncEngine) -> None:
    """Forget nothing that was told meanwhile, and send nothing of the time between."""
    await _old_installation(engine)
    async with engine.begin() as connection:
        first = await register(connection, subscriptions())
        # A batch decided by an older file strikes nothing out; a file that was read anew does.
        await register(connection, subscriptions(subscription(name="other")))
        assert (await register(connection, subscriptions()))["duty"] == first["duty"]
        await register(connection, subscriptions(subscription(name="other")), forget=True)
        again = await register(connection, subscriptions(subscription(), subscription(name="other")))
    assert again["duty"] > first["duty"]


async def test_a_version_older_than_one_already_decided_tells_nobody(engine: AsyncEngine) -> None:
    """A dead letter that is replayed must not open what was retracted since."""
    await _old_installation(engine)
    config = subscriptions()
    await _handle(engine, config, alert(1, version=2, reason=AlertReason.RETRACTED))
    await _handle(engine, config, alert(1, version=1, level=5))
    assert await _rows(engine, delivery) == []
    reasons = [row.reason for row in await _rows(engine, notice)]
    assert any("decided already" in reason for reason in reasons), reasons


async def test_the_first_configuration_counts_from_the_installation(engine: AsyncEngine) -> None:
    """Miss nothing between the migration and the first start."""
    async with engine.begin() as connection:
        installed = await connection.scalar(text("SELECT at FROM notifier.installation"))
        assert await register(connection, subscriptions()) == {"duty": installed}


async def test_past_the_hourly_limit_alerts_are_folded_and_sent_when_there_is_room(engine: AsyncEngine) -> None:
    """Let five alerts come on a limit of two, then let the hour pass."""
    await _old_installation(engine)
    config = subscriptions(subscription(hourly_limit=2))
    await _handle(engine, config, *(alert(number) for number in range(5)))
    assert len(await _rows(engine, delivery)) == 2
    assert await fold_due(engine, config) == 0
    async with engine.begin() as connection:
        await connection.execute(update(delivery).values(created_at=text("now() - interval '61 minutes'")))
    await asyncio.gather(*(fold_due(engine, config) for _ in range(3)))
    fold = (await _rows(engine, delivery))[2:]
    assert [(row.purpose, len(row.incidents)) for row in fold] == [("fold", 3)]
    assert fold[0].message["subject"] == "[CRITICAL 4/5] 3 alerts folded into one message"
    assert await fold_due(engine, config) == 0
    steps = await why(engine, alert(4).incident_id)
    assert [step.outcome for step in steps] == ["told, folded", "waits to be sent"]


async def test_a_fold_for_a_chat_holds_what_fits_and_the_rest_waits_for_the_next(engine: AsyncEngine) -> None:
    """Fold forty incidents for a chat: none is left out."""
    await _old_installation(engine)
    wanted = subscription(hourly_limit=1, channels=("chat",))
    config = subscriptions(wanted, chat=Channel(kind="chat"))
    await _handle(engine, config, *(alert(number, level=3) for number in range(41)))
    for _ in range(4):
        async with engine.begin() as connection:
            await connection.execute(update(delivery).values(created_at=text("now() - interval '61 minutes'")))
        await fold_due(engine, config)
    sizes = [len(row.incidents) for row in await _rows(engine, delivery)]
    assert sizes == [1, 15, 15, 10]


async def test_what_comes_later_on_a_folded_incident_waits_with_it(engine: AsyncEngine) -> None:
    """Keep the order of one incident: its retraction does not overtake its update."""
    await _old_installation(engine)
    config = subscriptions(subscription(hourly_limit=1))
    await _handle(engine, config, alert(1), alert(1, 2, level=3))
    await _handle(engine, config, alert(1, 3, reason=AlertReason.RETRACTED))
    assert [row.pace for row in await _rows(engine, notice)] == ["now", "folded", "folded"]
    async with engine.begin() as connection:
        await connection.execute(update(delivery).values(created_at=text("now() - interval '61 minutes'")))
    await fold_due(engine, config)
    assert (await _rows(engine, delivery))[1].message["kind"] == "retraction"


async def test_a_backlog_becomes_one_summary_when_it_has_come_to_rest(engine: AsyncEngine) -> None:
    """Collect the first contact with a feed, wait, and send one message."""
    await _old_installation(engine)
    config = subscriptions()
    backlog = [alert(number, arrival=Arrival.FIRST_CONTACT) for number in range(30)]
    await _handle(engine, config, *backlog[:20])
    await _handle(engine, config, *backlog[20:])
    assert await fold_due(engine, config) == 0
    async with engine.begin() as connection:
        await connection.execute(update(notice).values(at=text("now() - interval '61 seconds'")))
    assert await fold_due(engine, config) == 1
    assert [(row.purpose, len(row.incidents)) for row in await _rows(engine, delivery)] == [("summary", 30)]


async def test_a_batch_of_five_hundred_for_many_subscriptions_is_written_whole(engine: AsyncEngine) -> None:
    """Stay below the number of parameters that PostgreSQL takes."""
    await _old_installation(engine)
    config = subscriptions(*(subscription(name=f"s{number}", hourly_limit=1_000) for number in range(5)))
    await _handle(engine, config, *(alert(number) for number in range(500)))
    assert len(await _rows(engine, delivery)) == 2_500
