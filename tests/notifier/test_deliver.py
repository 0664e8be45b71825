"""Deliveries arrive at a real mail server and a real web server: once, or marked, never lost."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier import deliver as deliver_module
from services.notifier import send as send_module
from services.notifier.config import Channel, Subscriptions
from services.notifier.deliver import Deliverer
from services.notifier.handle import Handler
from services.notifier.status import deliveries
from services.notifier.tables import delivery
from shared.events import Alert
from shared.settings import Settings
from tests.notifier.alert_samples import alert, received, subscription, subscriptions
from tests.notifier.notifier_sinks import MailSink, WebSink, mail_sink, web_sink
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
def mail() -> Iterator[MailSink]:
    """Run a mail server."""
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def web() -> Iterator[WebSink]:
    """Run a web server."""
    with web_sink() as sink:
        yield sink


@pytest.fixture(autouse=True)
async def _since_long_ago(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_module, "MAIL_S", 1.0)
    monkeypatch.setattr(send_module, "READ_S", 1.0)
    monkeypatch.setattr("services.notifier.outcome.BACKOFF_S", (0.2, 0.2, 0.2))


@asynccontextmanager
async def _delivering(
    engine: AsyncEngine, settings: Settings, config: Subscriptions, *alerts: Alert, slot: str = ""
) -> AsyncIterator[Deliverer]:
    """Queue alerts and run one deliverer while inside."""
    wake = asyncio.Event()
    if alerts:
        await Handler(engine, lambda: config, wake)(received(*alerts))
    deliverer = Deliverer(engine, settings, lambda: config, wake, slot=slot)
    task = asyncio.create_task(deliverer.run())
    try:
        yield deliverer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _states(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(delivery.c.state).order_by(delivery.c.seq))).scalars())


async def _row(engine: AsyncEngine) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(delivery).order_by(delivery.c.seq))).first()


async def _settled(engine: AsyncEngine, *states: str) -> None:
    async def reached() -> bool:
        return await _states(engine) == list(states)

    await wait_until(reached, within=15, what=f"deliveries reach {states}")


async def test_a_mail_arrives_once_with_text_and_html(engine: AsyncEngine, settings: Settings, mail: MailSink) -> None:
    """Follow one alert into a mailbox."""
    async with _delivering(engine, mail.settings(settings), subscriptions(), alert()):
        await _settled(engine, "sent")
    (letter,) = mail.mails
    assert letter.get_content_type() == "multipart/alternative"
    assert letter["To"] == "duty@hospital.example"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert "réanimation" in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert (await deliveries(engine))["sent"] == 1


async def test_a_webhook_gets_json_with_an_idempotency_key(
    engine: AsyncEngine, settings: Settings, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Post what a machine can read, and keep the address's own query."""
    monkeypatch.setenv("CODEGREY_CHANNEL_SIEM", f"{web.url}?token=abc&x=1%202")
    config = subscriptions(subscription(channels=("siem",)), siem=Channel(kind="webhook"))
    async with _delivering(engine, settings, config, alert()):
        await _settled(engine, "sent")
    ((path, headers, body),) = web.requests
    assert path.startswith("/hook/s3cr3t-part?")
    assert "token=abc" in path
    assert headers["idempotency-key"] == body["delivery"] == (await _row(engine)).id
    assert (body["alert"]["level"], body["alert"]["incident_id"]) == (4, alert().incident_id)
    assert body["title"].startswith("[CRITICAL 4/5]")


async def test_a_chat_message_arrives_without_a_live_mention(
    engine: AsyncEngine, settings: Settings, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Send through a real chat service of Apprise, pointed at our server."""
    monkeypatch.setenv("CODEGREY_CHANNEL_TEAM_CHAT", f"mmost://127.0.0.1:{web.port}/{'a' * 24}")
    config = subscriptions(subscription(channels=("team-chat",)), team_chat=Channel(kind="chat"))
    hostile = alert(headline="@everyone @channel <!here> [x](http://evil.example) **b**")
    async with _delivering(engine, settings, config, hostile):
        await _settled(engine, "sent")
    shown = str(web.requests[0][2])
    assert "CRITICAL 4/5" in shown
    for device in ("@everyone", "@channel", "<!here", "](http", "**"):
        assert device not in shown, device


async def test_a_refused_recipient_fails_for_good_and_the_other_gets_the_mail(
    engine: AsyncEngine, settings: Settings, mail: MailSink
) -> None:
    """Deliver to each address by itself."""
    mail.refused.add("gone@hospital.example")
    both = Channel(kind="email", to=("gone@hospital.example", "duty@hospital.example"))
    async with _delivering(engine, mail.settings(settings), subscriptions(duty_mail=both), alert()):
        await _settled(engine, "failed", "sent")
    assert "550 5.1.1 no such mailbox" in (await _row(engine)).last_error
    assert [letter["To"] for letter in mail.mails] == ["duty@hospital.example"]


async def test_a_mail_server_that_is_down_gets_the_mail_once_when_it_is_up(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Wait in the row, unmarked: nothing left while there was no server."""
    sink = MailSink()
    async with _delivering(engine, sink.settings(settings), subscriptions(), alert()):

        async def tried() -> bool:
            return bool((await _row(engine)).attempts >= 2)

        await wait_until(tried)
        sink.start()
        await _settled(engine, "sent")
    sink.stop()
    (letter,) = sink.mails
    assert letter["X-Code-Grey-Possible-Repeat"] is None


@pytest.mark.parametrize(("answer", "state"), [("451 later", "queued"), ("554 spam", "failed")])
async def test_an_answer_after_the_data_decides(
    engine: AsyncEngine, settings: Settings, mail: MailSink, answer: str, state: str
) -> None:
    """Try again after a "later", and not after a "never"; neither is marked as a repeat."""
    mail.answer = answer
    async with _delivering(engine, mail.settings(settings), subscriptions(), alert()):

        async def answered() -> bool:
            row = await _row(engine)
            return row.state == state and row.attempts >= 1

        await wait_until(answered)
    row = await _row(engine)
    assert answer in row.last_error
    assert not row.possible_repeat


async def test_no_answer_after_the_data_is_repeated_and_the_repeat_is_marked(
    engine: AsyncEngine, settings: Settings, mail: MailSink
) -> None:
    """Prefer a repeated alert to a lost one, and say so in the message."""
    mail.silent_s = 3.0
    async with _delivering(engine, mail.settings(settings), subscriptions(), alert()):
        await wait_until(lambda: mail.mails)
        mail.silent_s = 0.0
        await _settled(engine, "sent")
    first, second = mail.mails
    assert first["X-Code-Grey-Possible-Repeat"] is None
    assert second["X-Code-Grey-Possible-Repeat"] == "yes"
    assert second["Subject"].startswith("(may be a repeat)")
    assert first["Message-ID"] == second["Message-ID"]


async def test_no_answer_is_held_where_the_channel_says_so(
    engine: AsyncEngine, settings: Settings, mail: MailSink
) -> None:
    """Leave it to a person."""
    mail.silent_s = 3.0
    hold = Channel(kind="email", to=("duty@hospital.example",), on_unknown="hold")
    async with _delivering(engine, mail.settings(settings), subscriptions(duty_mail=hold), alert()):
        await _settled(engine, "unknown")
    assert len(mail.mails) == 1


async def test_a_webhook_without_an_answer_gets_the_same_key_again_unmarked(
    engine: AsyncEngine, settings: Settings, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeat harmlessly."""
    web.silent_s = 2.0
    monkeypatch.setenv("CODEGREY_CHANNEL_SIEM", web.url)
    config = subscriptions(subscription(channels=("siem",)), siem=Channel(kind="webhook"))
    async with _delivering(engine, settings, config, alert()):
        await wait_until(lambda: web.requests)
        web.silent_s = 0.0
        await _settled(engine, "sent")
    (_, one, first), (_, two, second) = web.requests[:2]
    assert one["idempotency-key"] == two["idempotency-key"]
    assert first == second
    assert second["possible_repeat"] is False


async def _leave_behind(engine: AsyncEngine, config: Subscriptions, owner: str, lease_s: float) -> None:
    """Make the row that a process leaves which dies while it sends."""
    await Handler(engine, lambda: config)(received(alert()))
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE notifier.delivery SET state = 'sending', attempts = 1, lease_owner = :owner, "
                "lease_until = clock_timestamp() + make_interval(secs => :lease)"
            ),
            {"owner": owner, "lease": lease_s},
        )


@pytest.mark.parametrize(("owner", "lease_s", "slot"), [("any/1", -1.0, ""), ("notifier-1/1", 3600.0, "notifier-1")])
async def test_what_a_dead_process_was_sending_is_repeated_and_marked(
    engine: AsyncEngine, settings: Settings, mail: MailSink, owner: str, lease_s: float, slot: str
) -> None:
    """Take it over when its lease has run out, or at once where its place is ours now."""
    await _leave_behind(engine, subscriptions(), owner, lease_s)
    async with _delivering(engine, mail.settings(settings), subscriptions(), slot=slot):
        await _settled(engine, "sent")
    (letter,) = mail.mails
    assert letter["X-Code-Grey-Possible-Repeat"] == "yes"


async def test_what_a_living_process_is_sending_is_left_to_it(
    engine: AsyncEngine, settings: Settings, mail: MailSink
) -> None:
    """Touch no row whose lease holds and whose place is another's."""
    await _leave_behind(engine, subscriptions(), "notifier-2/1", 3600.0)
    deliverer = Deliverer(engine, mail.settings(settings), subscriptions, asyncio.Event(), slot="notifier-1")
    assert await deliverer.turn() == 0
    assert await _states(engine) == ["sending"]


async def test_two_loops_never_send_the_same_delivery(engine: AsyncEngine, settings: Settings, mail: MailSink) -> None:
    """Let three loops share forty deliveries."""
    config = subscriptions(subscription(hourly_limit=1_000))
    alerts = [alert(number) for number in range(40)]
    async with (
        _delivering(engine, mail.settings(settings), config, *alerts),
        _delivering(engine, mail.settings(settings), config),
        _delivering(engine, mail.settings(settings), config),
    ):
        await _settled(engine, *["sent"] * 40)
    assert len(mail.mails) == len({letter["Message-ID"] for letter in mail.mails}) == 40


async def test_an_update_waits_for_its_opening_and_other_incidents_do_not(
    engine: AsyncEngine, settings: Settings, mail: MailSink
) -> None:
    """Keep the order of one incident while its opening is in back-off."""
    config = subscriptions()
    await Handler(engine, lambda: config)(received(alert(1), alert(1, version=2, level=5), alert(2)))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE notifier.delivery SET next_try_at = now() + interval '1 hour' WHERE purpose = 'opening'"
                 " AND incidents = :first"), {"first": [alert(1).incident_id]},
        )  # fmt: skip
    async with _delivering(engine, mail.settings(settings), config) as deliverer:
        await _settled(engine, "queued", "queued", "sent")
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE notifier.delivery SET next_try_at = now()"))
        deliverer.wake.set()
        await _settled(engine, "sent", "sent", "sent")
    subjects = [str(letter["Subject"]) for letter in mail.mails if alert(1).incident_id in str(letter["References"])]
    assert [subject[:15] for subject in subjects] == ["[CRITICAL 4/5] ", "[EMERGENCY 5/5]"]


async def test_a_day_without_success_is_given_up(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """End it where operators will hear of it."""
    monkeypatch.setattr("services.notifier.outcome.GIVE_UP_AFTER_S", 0.1)
    async with _delivering(engine, MailSink().settings(settings), subscriptions(), alert()):
        await _settled(engine, "gave_up")


async def test_a_missing_secret_waits_for_somebody_to_set_it(
    engine: AsyncEngine, settings: Settings, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lose nothing because of a variable that was forgotten."""
    config = subscriptions(subscription(channels=("siem",)), siem=Channel(kind="webhook"))
    async with _delivering(engine, settings, config, alert()):

        async def told() -> bool:
            return "set CODEGREY_CHANNEL_SIEM" in ((await _row(engine)).last_error or "")

        await wait_until(told)
        monkeypatch.setenv("CODEGREY_CHANNEL_SIEM", web.url)
        await _settled(engine, "sent")


async def test_no_secret_reaches_the_log_or_the_database(
    engine: AsyncEngine,
    settings: Settings,
    web: WebSink,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Fail and succeed through channels with secrets, at the noisiest level, and look everywhere."""
    overheard = io.StringIO()
    handler, root = logging.StreamHandler(overheard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    web.status = 500
    monkeypatch.setenv("CODEGREY_CHANNEL_SIEM", f"{web.url}?token=t0ps3cret")
    monkeypatch.setenv("CODEGREY_CHANNEL_CHAT", f"mmost://127.0.0.1:{web.port}/{'z' * 24}")
    config = subscriptions(
        subscription(channels=("siem", "chat")), siem=Channel(kind="webhook"), chat=Channel(kind="chat")
    )
    with structlog.testing.capture_logs() as lines:
        async with _delivering(engine, settings, config, alert()):

            async def both_failed() -> bool:
                async with engine.connect() as connection:
                    errors = (await connection.execute(select(delivery.c.last_error))).scalars().all()
                return all("answered 500" in (error or "") for error in errors)

            await wait_until(both_failed)
            web.status = 200
            await _settled(engine, "sent", "sent")
    root.removeHandler(handler)
    root.setLevel(level)
    async with engine.connect() as connection:
        stored = str((await connection.execute(select(delivery))).all())
    captured = capfd.readouterr()
    everything = f"{lines}{overheard.getvalue()}{stored}{captured.out}{captured.err}"
    assert "told" in {line["event"] for line in lines}
    for secret in ("t0ps3cret", "s3cr3t-part", "z" * 24):
        assert secret not in everything


async def test_a_stuck_loop_is_not_ready(engine: AsyncEngine, settings: Settings) -> None:
    """Say so after half a minute without a round."""
    deliverer = Deliverer(engine, settings, subscriptions, asyncio.Event())
    assert deliverer.trouble() is None
    deliverer.last_turn -= deliver_module.STUCK_AFTER_S + 1
    assert "stuck" in (deliverer.trouble() or "")
