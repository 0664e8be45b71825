"""The sinks by themselves, as the suites and the chaos run use them."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from apprise import Apprise, NotifyFormat

from services.launcher.demo.post import Call, Mail
from services.launcher.demo.sinks import SmtpSink, WebhookSink


def letter(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org, c@example.org", subject
    message["X-Delivery"] = "7"
    message.set_content("Grüße")
    return message


def send(port: int, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.send_message(letter(subject))


async def test_a_mail_is_parsed_with_its_headers_parts_and_recipients() -> None:
    """What the sender meant can be read without parsing again."""
    sink = SmtpSink()
    await sink.start()
    await asyncio.to_thread(send, sink.port, "Hôpital fermé")
    await sink.stop()
    (mail,) = sink.messages
    assert (mail.number, mail.subject, mail.text, mail.html) == (1, "Hôpital fermé", "Grüße\n", "")
    assert mail.recipients == ("b@example.org", "c@example.org")
    assert mail.headers["x-delivery"] == "7"
    assert mail.sender == "a@example.org"


async def test_the_hook_runs_when_the_mail_is_kept_and_before_the_answer(tmp_path: Path) -> None:
    """At that moment the sender does not know yet: the one to die at."""
    client = smtplib.SMTP(timeout=10)
    kept: list[bool] = []
    unanswered = asyncio.Event()

    async def hook(mail: Mail) -> None:
        kept.append(mail.file is not None and mail.file.exists())
        await unanswered.wait()

    sink = SmtpSink(tmp_path, on_data=hook)
    await sink.start()

    def talk() -> None:
        client.connect("127.0.0.1", sink.port)
        client.send_message(letter("x"))

    sending = asyncio.create_task(asyncio.to_thread(talk))
    async with asyncio.timeout(5):
        while not kept:  # noqa: ASYNC110 - the hook has no other way to tell that it is in the middle
            await asyncio.sleep(0.01)
    assert kept == [True]
    assert not sending.done()
    unanswered.set()
    await sending
    await asyncio.to_thread(client.quit)
    await sink.stop()


async def test_a_sender_that_is_cut_off_at_the_hook_leaves_its_mail_kept() -> None:
    """A notifier killed before the answer has delivered all the same; it cannot know."""
    sink = SmtpSink()

    async def hook(_mail: Mail) -> None:
        await sink.stop()

    sink.on_data = hook
    await sink.start()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        await asyncio.to_thread(send, sink.port, "cut")
    assert [mail.subject for mail in sink.messages] == ["cut"]


async def test_a_sink_comes_back_on_its_port_and_counts_on(tmp_path: Path) -> None:
    """Down and up again, as a mail server does; a new sink on the same folder numbers on."""
    sink = SmtpSink(tmp_path)
    await sink.start()
    port = sink.port
    await asyncio.to_thread(send, port, "one")
    await sink.stop()
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(send, port, "lost")
    await sink.start()
    assert sink.port == port
    await asyncio.to_thread(send, port, "two")
    await sink.stop()
    (tmp_path / "index.jsonl").open("a").write('{"number": 3, "subj')  # torn by a power cut
    later = SmtpSink(tmp_path, port=port)
    await later.start()
    await asyncio.to_thread(send, port, "three")
    await later.stop()
    assert [mail.number for mail in (*sink.messages, *later.messages)] == [1, 2, 3]


async def test_the_webhook_sink_takes_what_apprise_sends_to_a_chat() -> None:
    """A Mattermost address as Apprise writes it arrives, and its text is found."""
    sink = WebhookSink(token="0123456789abcdef")
    await sink.start()
    chat = Apprise()
    assert chat.add(f"mmost://127.0.0.1:{sink.port}/team-chat/0123456789abcdef")
    sent = await asyncio.to_thread(
        chat.notify, title="Emergency closed", body="at *one* hospital", body_format=NotifyFormat.MARKDOWN
    )
    await sink.stop()
    assert sent
    (call,) = sink.messages
    assert call.channel == "team-chat"
    assert "Emergency closed" in call.title
    assert "hospital" in call.text


async def test_the_webhook_sink_can_refuse_and_has_a_hook(tmp_path: Path) -> None:
    """It answers with the status it is told to, after the hook; bodies that are no JSON are kept too."""
    seen: list[Call] = []
    sink = WebhookSink(tmp_path, status=503, on_data=seen.append)
    await sink.start()
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"http://127.0.0.1:{sink.port}/any/path", content=b"no json", headers={"Idempotency-Key": "k"}
        )
        tooth = await client.post(f"http://127.0.0.1:{sink.port}/any/path", content=b"x" * (5 * 1024 * 1024))
    await sink.stop()
    assert (answer.status_code, tooth.status_code) == (503, 413)
    assert [(call.path, call.body, call.headers["idempotency-key"]) for call in seen] == [("/any/path", None, "k")]
    assert (tmp_path / "0001.json").read_bytes() == b"no json"
