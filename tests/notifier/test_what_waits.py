"""What waits in a fold, for the morning or for a digest is not lost, nor told twice, nor told to the wrong people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import Channel, Digest, Subscriptions
from services.notifier.fold import IN_A_CHAT_FOLD, IN_A_CHAT_LIST, Waiting, due, fold_due
from services.notifier.handle import Handler
from services.notifier.message import ListKind, alert_message, joined, list_message
from services.notifier.render_chat import LIMIT, render_chat
from services.notifier.route import LastHour, Pace, Told, decide
from services.notifier.snapshot import Snapshot
from services.notifier.store import register
from services.notifier.tables import delivery
from services.notifier.why import told as why
from shared.events import AlertReason, Arrival, Status
from tests.notifier.alert_samples import LONG_AGO, alert, facts, received, subscription, subscriptions

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATE = {"level": 3, "evidence": (), "facts": facts(status=Status.PAST, data="published")}
DAILY = {"at": "08:00"}


class Desk:
    """A notifier with a configuration that changes."""

    def __init__(self, engine: AsyncEngine, config: Subscriptions) -> None:
        self.engine, self.config = engine, config

    async def hear(self, *alerts: Any) -> None:
        """Hand over a batch."""
        await Handler(self.engine, lambda: self.config)(received(*alerts))

    async def passes(self, hours: int) -> None:
        """Let time pass for what waits and what was sent."""
        async with self.engine.begin() as connection:
            for table, column in (("notice", "at"), ("delivery", "created_at")):
                ago = text(f"UPDATE notifier.{table} SET {column} = {column} - make_interval(hours => :hours)")
                await connection.execute(ago, {"hours": hours})

    async def read_anew(self, config: Subscriptions) -> None:
        """Take another file over, as the notifier does."""
        self.config = config
        async with self.engine.begin() as connection:
            await register(connection, config, forget=True)

    async def sent(self) -> list[tuple[str, str, Sequence[str]]]:
        """Return to what target which purpose went, with the incidents, after folds that are due were made."""
        await fold_due(self.engine, self.config)
        async with self.engine.connect() as connection:
            rows = (await connection.execute(select(delivery).order_by(delivery.c.seq))).all()
        return [(row.target, row.purpose, row.incidents) for row in rows]


@pytest.fixture
async def desk(engine: AsyncEngine) -> Desk:
    """Begin with one subscription that takes one message an hour."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    return Desk(engine, subscriptions(subscription(hourly_limit=1)))


def _purposes(sent: Sequence[tuple[str, str, Sequence[str]]]) -> list[str]:
    return [purpose for _, purpose, _ in sent]


ENDINGS: list[dict[str, Any]] = [
    {"reason": AlertReason.RETRACTED},
    {"reason": AlertReason.CORRECTED, "level": 0},
    {"reason": AlertReason.CLOSED, "level": 0},
]


@pytest.mark.servers
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("way", ["folded", "collected", "digest"])
async def test_what_ends_before_it_was_sent_is_never_heard_of(
    desk: Desk, way: str, batches: int, ending: dict[str, Any]
) -> None:
    """However it waits and however it ends; a new version after that opens it."""
    if way == "digest":
        desk.config = subscriptions(subscription(hourly_limit=1, digest=DAILY))
    known = {"folded": {}, "collected": {"arrival": Arrival.CATCH_UP}, "digest": LATE}[way]
    await desk.hear(alert(1))
    opened, ended = alert(2, **known), alert(2, 2, **ending)
    for some in ([opened, ended],) if batches == 1 else ([opened], [ended]):
        await desk.hear(*some)
    await desk.passes(hours=25)
    assert _purposes(await desk.sent()) == ["opening"]
    steps = await why(desk.engine, alert(2).incident_id)
    assert [one.outcome for one in steps] == ["filtered", "not told"]
    await desk.hear(alert(2, 3))
    assert _purposes(await desk.sent()) == ["opening", "opening"]


@pytest.mark.servers
async def test_an_older_file_drops_nothing_that_waits_for_a_subscription_of_a_newer_one(desk: Desk) -> None:
    """Two replicas, of which one has not read the file anew yet."""
    older, newer = desk.config, subscriptions(subscription(), subscription(name="night", hourly_limit=1))
    async with desk.engine.begin() as connection:
        await register(connection, newer)
        await connection.execute(text("UPDATE notifier.subscription SET since = '2020-01-01Z'"))
    desk.config = newer
    await desk.hear(alert(1), alert(2))
    await fold_due(desk.engine, older)
    await desk.passes(hours=2)
    assert len(await desk.sent()) == 4


@pytest.mark.servers
async def test_who_was_removed_before_an_opening_was_sent_was_not_told(desk: Desk) -> None:
    """The name returns: the next version opens the incident, and does not speak of changes to what nobody read."""
    file = desk.config
    await desk.hear(alert(1), alert(2))
    await desk.read_anew(subscriptions(subscription(name="another")))
    await desk.sent()
    await desk.read_anew(file)
    await desk.passes(hours=2)
    assert _purposes(await desk.sent()) == ["opening"]
    later = datetime.now(UTC) + timedelta(minutes=1)
    await desk.hear(alert(2, 2, level=5, created_at=later))
    await desk.passes(hours=2)
    await desk.hear(alert(1, 2, level=5, created_at=later))
    assert _purposes(await desk.sent()) == ["opening", "opening", "update"]


@pytest.mark.servers
async def test_a_retraction_that_was_held_goes_where_the_alert_went(desk: Desk) -> None:
    """The subscription changed its channel in the night: both hear that it does not hold, once."""
    now = datetime.now(UTC)
    quiet = {"from": f"{now - timedelta(hours=1):%H:%M}", "to": f"{now + timedelta(hours=1):%H:%M}"}
    mails = {name: Channel(kind="email", to=(f"{name}@hospital.example",)) for name in ("day", "night")}
    desk.config = subscriptions(subscription(channels=("day",)), **mails)
    await desk.hear(alert(1), alert(2))
    await desk.passes(hours=13)
    desk.config = subscriptions(subscription(channels=("night",), quiet_hours=quiet), **mails)
    await desk.hear(*(alert(number, 2, reason=AlertReason.RETRACTED) for number in (1, 2)))
    assert len(await desk.sent()) == 2
    desk.config = subscriptions(subscription(channels=("night",)), **mails)
    for _ in range(2):
        assert sorted((target.partition(":")[0], purpose) for target, purpose, _ in (await desk.sent())[2:]) == [
            ("day", "retraction"),
            ("day", "retraction"),
            ("night", "held"),
        ]


@pytest.mark.servers
async def test_a_clock_that_had_run_ahead_holds_nothing_back(desk: Desk) -> None:
    """The database's clock was a year ahead for a while: what was sent and decided then counts as past."""
    await desk.hear(alert(1), alert(2))
    await desk.passes(hours=-24 * 365)
    assert _purposes(await desk.sent()) == ["opening", "opening"]


def test_what_a_clock_that_had_run_ahead_put_into_the_time_to_come_is_due() -> None:
    """In a digest and in a summary it does not wait until that is reached."""
    ahead = Waiting(1, NOW + timedelta(days=365), NOW + timedelta(days=365))
    for way in (Pace.DIGEST, Pace.COLLECTED):
        assert due(way, ahead, subscription(digest=DAILY), LastHour(), NOW)


@pytest.mark.parametrize(
    ("at", "now", "last"),
    [
        ("02:30", "2026-03-29T00:40Z", "2026-03-28T01:30Z"),
        ("02:30", "2026-03-29T01:10Z", "2026-03-28T01:30Z"),
        ("02:30", "2026-03-29T01:30Z", "2026-03-29T01:30Z"),
        ("02:30", "2026-03-30T00:29Z", "2026-03-29T01:30Z"),
        ("02:30", "2026-10-25T00:29Z", "2026-10-24T00:30Z"),
        ("02:30", "2026-10-25T00:30Z", "2026-10-25T00:30Z"),
        ("02:30", "2026-10-25T01:10Z", "2026-10-25T00:30Z"),
        ("02:30", "2026-10-25T01:40Z", "2026-10-25T00:30Z"),
        ("02:30", "2026-10-26T01:30Z", "2026-10-26T01:30Z"),
        ("23:59", "2026-10-25T22:58Z", "2026-10-24T21:59Z"),
    ],
)
def test_a_digest_comes_once_also_on_the_days_when_clocks_are_changed(at: str, now: str, last: str) -> None:
    """In Paris 02:30 comes not at all on one day and twice on another."""
    found = Digest(at=at, timezone="Europe/Paris").last_due(datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(last)


@pytest.mark.parametrize("stuffing", ["@", "www.a ", "x", "\u0e01\u0e33", "*"])
@pytest.mark.parametrize(
    ("kind", "room"), [("fold", IN_A_CHAT_FOLD), ("held", IN_A_CHAT_LIST), ("digest", IN_A_CHAT_LIST)]
)
def test_no_headline_crowds_another_alert_out_of_a_chat(kind: ListKind, room: int, stuffing: str) -> None:
    """A stranger who chooses the words of all headlines but one does not hide that one, the least grave."""
    told = Told(Snapshot.of(alert()))
    wanted = subscription(digest=DAILY)
    crowd = [
        alert(number, 2, level=5, headline=stuffing * 200, facts=facts(attacker=stuffing * 200, ransom="demanded"))
        for number in range(room - 1)
    ]
    quiet = alert(room, 2, level=2, headline="Clinique du Lac", facts=facts(attacker="some gang"))
    messages = [alert_message(one, decide(one, wanted, told, LONG_AGO), "duty") for one in (*crowd, quiet)]
    shown = render_chat(list_message(kind, messages, "duty"))
    assert "Clinique du Lac" in shown
    assert "more lines" not in shown
    assert len(shown) <= LIMIT


def test_an_opening_after_a_retraction_that_was_not_told_is_an_update() -> None:
    """They heard of the incident, and not that it was taken back; another retraction must then reach them."""
    told, wanted = Told(Snapshot.of(alert())), subscription()
    back = alert(1, 2, reason=AlertReason.RETRACTED)
    retraction = alert_message(back, decide(back, wanted, told, LONG_AGO), "duty")
    again = alert(1, 3)
    opening = alert_message(again, decide(again, wanted, Told(Snapshot.of(back)), LONG_AGO), "duty")
    found = joined(retraction, opening)
    assert (retraction.kind, opening.kind, found.kind) == ("retraction", "opening", "update")
    assert found.subject.startswith("[CRITICAL 4/5] Update: ")
