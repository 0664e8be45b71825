"""Small news comes once a day in a digest, unless something graver of the same incident takes it along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import Channel, Digest, Subscription
from services.notifier.fold import IN_A_CHAT_LIST, fold_due
from services.notifier.handle import Handler
from services.notifier.message import alert_message, list_message
from services.notifier.render_chat import LIMIT, chat_title, render_chat
from services.notifier.render_html import render_html
from services.notifier.render_text import render_text
from services.notifier.route import LastHour, Pace, Tell, Told, decide, pace
from services.notifier.snapshot import Snapshot
from services.notifier.tables import delivery
from services.notifier.why import told as why
from tests.notifier.alert_samples import LONG_AGO, alert, facts, received, subscription, subscriptions
from tests.notifier.test_quiet_hours import LATE, NIGHT, QUIET

DAILY = {"at": "08:00"}
GANG = facts(attacker="some gang")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-25T07:59:59+00:00", "2026-11-24T08:00:00+00:00"),
        ("2026-11-25T08:00:00+00:00", "2026-11-25T08:00:00+00:00"),
        ("2026-11-25T23:00:00+00:00", "2026-11-25T08:00:00+00:00"),
    ],
)
def test_it_is_due_once_a_day(now: str, due: str) -> None:
    """At its hour, or as soon after it as anybody is there to send it."""
    assert Digest(at="08:00").last_due(datetime.fromisoformat(now)) == datetime.fromisoformat(due)
    paris = Digest(at="08:00", timezone="Europe/Paris").last_due(datetime.fromisoformat("2026-07-25T06:00:00+00:00"))
    assert paris == datetime(2026, 7, 25, 6, tzinfo=UTC)


@pytest.mark.parametrize("said", [True, "daily at 08:00", {"at": "08:00"}, {"timezone": "UTC"}])
def test_it_is_asked_for_in_few_words(said: Any) -> None:
    """By default at eight."""
    assert subscription(digest=said).digest == Digest(at="08:00")
    assert subscription(digest=False).digest is None


@pytest.mark.parametrize(
    ("wanted", "told", "changes", "tell", "way"),
    [
        ({"digest": DAILY}, Told(Snapshot.of(alert())), {"version": 2, "facts": GANG}, Tell.UPDATE, Pace.DIGEST),
        ({}, Told(Snapshot.of(alert())), {"version": 2, "facts": GANG}, Tell.NONE, Pace.NOW),
        ({"digest": DAILY}, Told(Snapshot.of(alert())), {"version": 2}, Tell.NONE, Pace.NOW),
        ({"digest": DAILY}, Told(Snapshot.of(alert())), {"version": 2, "level": 3}, Tell.UPDATE, Pace.NOW),
        ({"digest": DAILY}, None, LATE, Tell.OPENING, Pace.DIGEST),
        ({"digest": DAILY, "watch": ("Centre hospitalier de Valmont",)}, None, LATE, Tell.OPENING, Pace.NOW),
        ({}, None, LATE, Tell.OPENING, Pace.NOW),
        (
            {"digest": DAILY, "quiet_hours": QUIET, "watch": ("Centre hospitalier de Valmont",)},
            None,
            LATE,
            Tell.OPENING,
            Pace.HELD,
        ),
        (
            {"digest": DAILY, "quiet_hours": QUIET},
            Told(Snapshot.of(alert()), Pace.HELD),
            {"version": 2, "facts": GANG},
            Tell.UPDATE,
            Pace.HELD,
        ),
        (
            {"digest": DAILY},
            Told(Snapshot.of(alert()), Pace.FOLDED),
            {"version": 2, "facts": GANG},
            Tell.UPDATE,
            Pace.FOLDED,
        ),
    ],
)
def test_the_table_of_when_people_are_told_by_a_digest(
    wanted: dict[str, Any], told: Told | None, changes: dict[str, Any], tell: Tell, way: Pace
) -> None:
    """More sources, small facts, and late disclosures but of who is watched."""
    one, who = alert(**changes), subscription(**wanted)
    decision = decide(one, who, told, LONG_AGO)
    assert decision.tell is tell, decision
    if tell is not Tell.NONE:
        assert pace(decision, one, who, told, LastHour(), NIGHT)[0] is way


def test_a_digest_looks_like_none_of_the_alerts() -> None:
    """Calm in each form, also where it holds one incident alone; in a chat, too, it says what is new."""
    told = Told(Snapshot.of(alert()))
    wanted = subscription(digest=DAILY)
    grave = [alert(number, 2, facts=GANG) for number in range(IN_A_CHAT_LIST)]
    items = [alert_message(one, decide(one, wanted, told, LONG_AGO), "duty") for one in grave]
    one, many = list_message("digest", items[:1], "duty"), list_message("digest", items, "duty")
    assert (one.subject, many.subject) == (
        "[Digest] 1 incident with small news",
        f"[Digest] {IN_A_CHAT_LIST} incidents with small news",
    )
    shown = render_chat(many)
    assert shown.count("attacker named: some gang") == IN_A_CHAT_LIST
    assert len(shown) <= LIMIT
    assert chat_title(many).startswith("⚪ [Digest]")
    assert not render_text(one).startswith("CRITICAL")
    assert "CRITICAL" not in render_html(one)


class Desk:
    """A notifier with one subscription that wants a digest."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.digest: dict[str, str] | None = {"at": f"{datetime.now(UTC) + timedelta(hours=2):%H:%M}"}
        self.more: dict[str, Any] = {}

    def wanted(self) -> Subscription:
        """Return the subscription."""
        return subscription(digest=self.digest, **self.more)

    async def hear(self, *alerts: Any) -> None:
        """Hand over a batch."""
        await Handler(self.engine, lambda: subscriptions(self.wanted()))(received(*alerts))

    async def passes(self, hours: int) -> None:
        """Let time pass for what waits."""
        async with self.engine.begin() as connection:
            ago = text("UPDATE notifier.notice SET at = at - make_interval(hours => :hours)")
            await connection.execute(ago, {"hours": hours})

    async def told(self) -> list[Any]:
        """Return what went out, after folds that are due were made."""
        await fold_due(self.engine, subscriptions(self.wanted()))
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(delivery).order_by(delivery.c.seq))).all())


@pytest.fixture
async def desk(engine: AsyncEngine) -> Desk:
    """Begin a day."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    return Desk(engine)


@pytest.mark.servers
async def test_small_news_of_the_day_comes_in_one_message_at_its_hour(desk: Desk) -> None:
    """Once; what comes after it waits for the next one."""
    await desk.hear(alert(1, sources=()), alert(2))
    await desk.hear(alert(1, 2), alert(2, 2, facts=GANG))
    await desk.hear(alert(1, 3, facts=GANG))
    assert len(await desk.told()) == 2
    assert (await why(desk.engine, alert(1).incident_id))[-1].outcome == "kept for the digest, waits"
    await desk.passes(hours=23)
    for _ in range(2):
        assert [row.purpose for row in (await desk.told())[2:]] == ["digest"]
    message = (await desk.told())[2].message
    changes = next(item["changes"] for item in message["items"] if item["incident_id"] == alert(1).incident_id)
    assert changes == ["2 more sources", "attacker named: some gang"]
    assert "told as an update, kept for the digest" in [
        step.outcome for step in await why(desk.engine, alert(1).incident_id)
    ]
    await desk.hear(alert(1, 4, facts=facts(attacker="another gang")))
    assert len(await desk.told()) == 3


@pytest.mark.servers
async def test_what_is_told_at_once_takes_the_small_news_along(desk: Desk) -> None:
    """Then the digest has nothing more to say of that incident."""
    await desk.hear(alert(1))
    await desk.hear(alert(1, 2, facts=GANG))
    await desk.hear(alert(1, 3, level=5, facts=GANG))
    _, update = await desk.told()
    assert {one.split(" ")[0] for one in update.message["changes"]} == {"attacker", "level"}
    await desk.passes(hours=48)
    assert len(await desk.told()) == 2


@pytest.mark.servers
@pytest.mark.parametrize("batches", [1, 2])
async def test_what_is_held_for_quiet_hours_takes_the_small_news_along(desk: Desk, batches: int) -> None:
    """In one batch or in two; it goes out when they end and not twice."""
    now = datetime.now(UTC)
    desk.more = {
        "quiet_hours": {"from": f"{now - timedelta(hours=1):%H:%M}", "to": f"{now + timedelta(hours=1):%H:%M}"}
    }
    await desk.hear(alert(1))
    small, lower = alert(1, 2, facts=GANG), alert(1, 3, level=3, facts=GANG)
    for some in ([small, lower],) if batches == 1 else ([small], [lower]):
        await desk.hear(*some)
    await desk.hear(alert(1, 4, level=3, facts=GANG, sources=alert().sources[:1]))
    assert len(await desk.told()) == 1
    desk.more = {}
    _, update = await desk.told()
    assert [one.split(" ")[0] for one in update.message["changes"]] == ["attacker", "level"]
    await desk.passes(hours=48)
    assert len(await desk.told()) == 2


@pytest.mark.servers
async def test_without_a_digest_any_more_what_waited_goes_out(desk: Desk) -> None:
    """Nothing is lost by an edit of the file."""
    await desk.hear(alert(1))
    await desk.hear(alert(1, 2, facts=GANG))
    desk.digest = None
    assert [row.purpose for row in await desk.told()] == ["opening", "digest"]


@pytest.mark.servers
async def test_a_chat_gets_as_many_digests_as_it_takes(desk: Desk) -> None:
    """None is cut."""
    config = subscriptions(subscription(digest=DAILY, channels=("chat",), hourly_limit=99), chat=Channel(kind="chat"))
    for version in (1, 2):
        batch = [alert(number, version, facts=GANG if version == 2 else facts()) for number in range(10)]
        await Handler(desk.engine, lambda: config)(received(*batch))
    await desk.passes(hours=48)
    for _ in range(3):
        await fold_due(desk.engine, config)
    async with desk.engine.connect() as connection:
        rows = await connection.execute(select(delivery).where(delivery.c.purpose == "digest"))
        assert [len(row.incidents) for row in rows.all()] == [IN_A_CHAT_LIST, 10 - IN_A_CHAT_LIST]
