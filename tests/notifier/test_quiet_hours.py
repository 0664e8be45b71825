"""In quiet hours only what cannot wait is told; the rest comes when they end, in one message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.config import QuietHours, Subscription
from services.notifier.fold import fold_due
from services.notifier.handle import Handler
from services.notifier.route import LastHour, Pace, Told, decide, pace
from services.notifier.snapshot import Snapshot
from services.notifier.tables import delivery
from services.notifier.why import told as why
from shared.events import AlertReason, Certainty, CitedEvidence, Status, Victim
from tests.notifier.alert_samples import LONG_AGO, alert, facts, received, subscription, subscriptions

NIGHT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
QUIET: dict[str, Any] = {"from": "22:00", "to": "07:00"}
EVENING = NIGHT - timedelta(hours=7)
DATA = (CitedEvidence(signal="data_published", words="patient data published", level=3, quote="online"),)
LATE = {"level": 3, "evidence": DATA, "facts": facts(status=Status.PAST, data="published")}
NAMED = facts(victims=(*facts().victims, Victim(name="Klinik Nordtal", country="DE")))


def _told(*lately: datetime, **changes: Any) -> Told:
    return Told(Snapshot.of(alert(**changes)), lately=lately)


@pytest.mark.parametrize(
    ("event", "told", "changes", "waits"),
    [
        ("the first version that matches", None, {}, False),
        ("the first version that matches, learnt later", None, {"version": 5, "reason": AlertReason.UPDATED}, False),
        ("the level rises", _told(level=3), {"version": 2}, False),
        ("an outage turns into an attack", _told(kind="outage"), {"version": 2}, False),
        ("a claim is confirmed", _told(), {"version": 2, "facts": facts(certainty=Certainty.CONFIRMED)}, False),
        ("a correction", _told(), {"version": 2, "reason": AlertReason.CORRECTED, "level": 2}, False),
        ("a retraction, told at noon", _told(), {"version": 2, "reason": AlertReason.RETRACTED}, True),
        (
            "a retraction, told in the evening",
            _told(EVENING),
            {"version": 2, "reason": AlertReason.RETRACTED},
            True,
        ),
        (
            "a retraction, told this night",
            _told(NIGHT - timedelta(hours=3)),
            {"version": 2, "reason": AlertReason.RETRACTED},
            False,
        ),
        (
            "a retraction, told another night",
            _told(NIGHT - timedelta(hours=24)),
            {"version": 2, "reason": AlertReason.RETRACTED},
            True,
        ),
        ("closed, told at noon", _told(kind="outage"), {"version": 2, "reason": AlertReason.CLOSED}, True),
        ("data first published", _told(), {"version": 2, "facts": facts(data="published")}, True),
        ("further hospitals named", _told(), {"version": 2, "facts": NAMED}, True),
        ("the current level falls", _told(), {"version": 2, "level": 3}, True),
        ("restored", _told(), {"version": 2, "facts": facts(status=Status.RESTORED)}, True),
        ("a late disclosure", None, LATE, True),
        ("data only, but still under way", None, LATE | {"facts": facts(data="published")}, False),
        ("over, but care was hit", None, {"facts": facts(status=Status.PAST, data="published")}, False),
    ],
)
def test_the_table_of_when_people_are_told_in_quiet_hours(
    event: str, told: Told | None, changes: dict[str, Any], waits: bool
) -> None:
    """Line by line: what waits at night is told at once by day; `why` reads the reason."""
    one = alert(**changes)
    wanted = subscription(quiet_hours=QUIET)
    decision = decide(one, wanted, told, LONG_AGO)
    found, reason = pace(decision, one, wanted, told, LastHour(), NIGHT)
    assert found is (Pace.HELD if waits else Pace.NOW), (event, decision)
    assert reason == ("quiet hours: held until 07:00 UTC" if waits else "")
    assert pace(decision, one, wanted, told, LastHour(), NOON) == (Pace.NOW, "")
    assert pace(decision, one, subscription(), told, LastHour(), NIGHT) == (Pace.NOW, "")


@pytest.mark.parametrize(("except_level", "waits"), [(None, True), (4, True), (3, False), (1, False)])
def test_from_a_level_on_quiet_hours_do_not_count(except_level: int | None, waits: bool) -> None:
    """What an incident of that level brings is told at any hour."""
    wanted = subscription(quiet_hours=QUIET | {"except_level": except_level})
    one, told = alert(version=2, level=3), _told()
    found, _ = pace(decide(one, wanted, told, LONG_AGO), one, wanted, told, LastHour(), NIGHT)
    assert found is (Pace.HELD if waits else Pace.NOW)


def test_what_already_waits_in_a_fold_is_not_held_beside_it() -> None:
    """Order is kept, whatever the hour."""
    wanted, one = subscription(quiet_hours=QUIET), alert(version=2, level=3)
    told = Told(Snapshot.of(alert()), Pace.FOLDED)
    assert pace(decide(one, wanted, told, LONG_AGO), one, wanted, told, LastHour(), NIGHT)[0] is Pace.FOLDED


class Night:
    """A notifier whose subscription has its quiet hours now, until `ends` says otherwise."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        now = datetime.now(UTC)
        self.quiet = self._hours(now - timedelta(hours=2), now + timedelta(hours=2))
        self.over = self._hours(now + timedelta(hours=3), now + timedelta(hours=4))
        self.hours: QuietHours | None = self.quiet

    @staticmethod
    def _hours(begin: datetime, end: datetime) -> QuietHours:
        return QuietHours.model_validate({"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}"})

    def wanted(self) -> Subscription:
        """Return the subscription."""
        return subscription(quiet_hours=self.hours)

    async def hear(self, *alerts: Any) -> None:
        """Hand over a batch."""
        await Handler(self.engine, lambda: subscriptions(self.wanted()))(received(*alerts))

    async def told(self) -> list[Any]:
        """Return what went out, after folds that are due were made."""
        await fold_due(self.engine, subscriptions(self.wanted()))
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(delivery).order_by(delivery.c.seq))).all())


@pytest.fixture
async def night(engine: AsyncEngine) -> Night:
    """Begin a night."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    return Night(engine)


def _lower(number: int = 1, version: int = 2, **changes: Any) -> Any:
    return alert(number, version, **({"level": 3} | changes))


@pytest.mark.servers
async def test_what_can_wait_comes_in_one_message_when_the_quiet_hours_end(night: Night) -> None:
    """Two incidents with news in the night: openings at once, the rest together in the morning, once."""
    await night.hear(alert(1), alert(2))
    assert [row.purpose for row in await night.told()] == ["opening", "opening"]
    await night.hear(_lower(1), _lower(2))
    await night.hear(_lower(1, 3, facts=facts(data="published")))
    assert len(await night.told()) == 2
    (*_, step) = await why(night.engine, alert(1).incident_id)
    assert step.outcome == "held for quiet hours, waits"
    assert "level falls" not in step.detail
    assert "data: published; this subscription was told of the incident; quiet hours: held until" in step.detail
    night.hours = night.over
    for _ in range(2):
        assert [row.purpose for row in (await night.told())[2:]] == ["held"]
    message = (await night.told())[2].message
    assert message["headline"] == "2 incidents with news from your quiet hours"
    changes = next(item["changes"] for item in message["items"] if item["incident_id"] == alert(1).incident_id)
    assert [one.split(" ")[0] for one in changes] == ["level", "data:"]
    outcomes = [step.outcome for step in await why(night.engine, alert(1).incident_id)]
    assert "told as an update, held for quiet hours" in outcomes


@pytest.mark.servers
async def test_one_alone_is_sent_as_itself(night: Night) -> None:
    """No list of one."""
    await night.hear(alert(1))
    await night.hear(_lower())
    night.hours = None
    assert [row.purpose for row in await night.told()] == ["opening", "update"]


@pytest.mark.servers
@pytest.mark.parametrize("batches", [1, 2])
async def test_what_cannot_wait_takes_along_what_is_held_of_its_incident(night: Night, batches: int) -> None:
    """In the same batch or a later one: order is kept, nothing is left out and nothing comes again."""
    await night.hear(alert(1))
    graver = alert(1, 3, level=5)
    for some in ([_lower(1, facts=NAMED), graver],) if batches == 1 else ([_lower(1, facts=NAMED)], [graver]):
        await night.hear(*some)
    night.hours = night.over
    _, update = await night.told()
    said = " | ".join(update.message["changes"])
    assert "also named: Klinik Nordtal" in said
    assert "level rises" in said
    steps = await why(night.engine, alert(1).incident_id)
    assert [one.outcome for one in steps if one.outcome.startswith("told")] == [
        "told",
        "told as an update, held for quiet hours",
        "told as an update",
    ]


@pytest.mark.servers
async def test_an_opening_that_was_held_opens_when_its_incident_turns_grave(night: Night) -> None:
    """The subscription has heard nothing yet: no update of nothing."""
    await night.hear(alert(1, **LATE))
    assert await night.told() == []
    await night.hear(alert(1, 2))
    (opening,) = await night.told()
    assert (opening.purpose, opening.message["subject"].startswith("[CRITICAL 4/5] Cyber")) == ("opening", True)


@pytest.mark.servers
@pytest.mark.parametrize("batches", [1, 2])
async def test_what_is_retracted_before_it_was_sent_is_never_heard_of(night: Night, batches: int) -> None:
    """Neither the alert nor that it does not hold; a new version after it would open."""
    opened, retracted = alert(1, **LATE), alert(1, 2, reason=AlertReason.RETRACTED)
    for some in ([opened, retracted],) if batches == 1 else ([opened], [retracted]):
        await night.hear(*some)
    night.hours = night.over
    assert await night.told() == []
    steps = await why(night.engine, alert(1).incident_id)
    assert [one.outcome for one in steps] == ["filtered", "not told"]
    assert "retracted before it was sent" in steps[0].detail
    await night.hear(alert(1, 3))
    assert [row.purpose for row in await night.told()] == ["opening"]


@pytest.mark.servers
async def test_a_retraction_wakes_whom_the_alert_has_woken_and_nobody_else(night: Night) -> None:
    """The alert of the evening waits for the morning to be taken back."""
    night.hours = night.over
    await night.hear(alert(1))
    night.hours = night.quiet
    async with night.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.notice SET at = at - interval '4 hours'"))
    await night.hear(alert(2))
    retracted = {"reason": AlertReason.RETRACTED}
    await night.hear(alert(1, 2, **retracted), alert(2, 2, **retracted))
    told = await night.told()
    assert [(row.purpose, row.incidents[0]) for row in told[2:]] == [("retraction", alert(2).incident_id)]
    night.hours = night.over
    assert [(row.purpose, row.incidents[0]) for row in (await night.told())[3:]] == [
        ("retraction", alert(1).incident_id)
    ]
