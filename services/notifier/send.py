"""Send one delivery to one target through Apprise, and say what came of it.

The Apprise address is built at the moment of sending, from the channel and its secret, and lives
no longer. It is never logged: Apprise's own lines are kept away from the log, and what is stored
of a failure is in our words.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.custom_json import NotifyJSON

from services.notifier.config import Target
from services.notifier.evidence import Line, read_evidence
from services.notifier.letter import build_letter
from services.notifier.mail import Mail
from services.notifier.message import Message
from services.notifier.outcome import Outcome, Result
from services.notifier.overhear import keep_lines_private, overheard
from services.notifier.render_chat import LIMIT, chat_title, render_chat
from services.notifier.render_text import render_text
from shared.errors import ConfigError, Permanent
from shared.settings import Settings

CONNECT_S, READ_S = 10.0, 20.0
MAIL_S = 30.0
"""For each step of a mail: a server that looks for spam takes its time before it answers."""
LONGEST_S = 120.0
"""One attempt takes no longer; a lease (`deliver.LEASE_S`) is longer still."""
_SECURITY = {"starttls": "starttls", "tls": "ssl", "none": "insecure"}

T = TypeVar("T")


async def send(
    target: Target, message: Message, *, delivery_id: str, possible_repeat: bool, settings: Settings
) -> Outcome:
    """Send in a thread of its own; a thread that takes too long is left behind, its outcome unknown."""
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _in_thread(
                lambda: send_now(
                    target,
                    message,
                    delivery_id=delivery_id,
                    possible_repeat=possible_repeat,
                    settings=settings,
                )
            )
    except TimeoutError:
        return Outcome(Result.UNKNOWN, f"not finished after {LONGEST_S:.0f} s; it may have arrived")


def send_now(
    target: Target, message: Message, *, delivery_id: str, possible_repeat: bool, settings: Settings
) -> Outcome:
    """Send, blocking. Whatever goes wrong comes back as an outcome."""
    keep_lines_private()
    try:
        if target.kind == "email":
            return _send_mail(target, message, delivery_id, possible_repeat, settings)
        secret = settings.channel_secret(target.channel).get_secret_value()
        if target.kind == "webhook":
            return _send_webhook(secret, message, delivery_id, possible_repeat)
        return _send_chat(secret, message, possible_repeat)
    except Permanent as refusal:
        return Outcome(Result.REFUSED, str(refusal))
    except ConfigError as error:
        return Outcome(Result.NOT_SENT, str(error))
    except Exception as error:
        # A service of Apprise may raise anything, at any moment.
        return Outcome(Result.UNKNOWN, f"{type(error).__name__} while sending; it may have arrived")


def try_out(target: Target, settings: Settings) -> None:
    """Build all that sending needs, send nothing; raises ConfigError with what is missing."""
    keep_lines_private()
    if target.kind == "email":
        _mail_service(target, settings)
        return
    secret = settings.channel_secret(target.channel).get_secret_value()
    if target.kind == "webhook":
        _webhook_service(secret)
    else:
        _chat_service(secret)


def log_in_to_mail(settings: Settings) -> None:
    """Connect to the mail server, encrypt, log in and leave; raises what keeps it from that, as smtplib does."""
    keep_lines_private()
    target = Target("mail", "email", settings.smtp_from)
    session = _mail_service(target, settings).open()
    try:
        session.greet()
    finally:
        session.leave()


def _send_mail(
    target: Target, message: Message, delivery_id: str, possible_repeat: bool, settings: Settings
) -> Outcome:
    service = _mail_service(target, settings)
    service.letter = build_letter(
        message,
        delivery_id=delivery_id,
        sender=settings.smtp_from,
        to=target.address,
        sent_at=datetime.now(UTC),
        possible_repeat=possible_repeat,
    )
    _notify(service, title="alert", body="alert", kind=NotifyType.INFO)
    outcome: Outcome = service.outcome
    return outcome


def _mail_service(target: Target, settings: Settings) -> Any:
    if not settings.smtp_host:
        raise ConfigError("no mail server: set CODEGREY_SMTP_HOST")
    if not settings.smtp_from:
        raise ConfigError("no sender for mail: set CODEGREY_SMTP_FROM, for example codegrey@hospital.example")
    try:
        return Mail(
            host=settings.smtp_host,
            smtp_host=settings.smtp_host,
            port=settings.smtp_port,
            secure=settings.smtp_security != "none",
            secure_mode=_SECURITY[settings.smtp_security],
            user=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            from_addr=settings.smtp_from,
            targets=target.address,
            cto=MAIL_S,
            asset=_asset(),
        )
    except TypeError:
        raise ConfigError("the mail settings are refused: check CODEGREY_SMTP_FROM and CODEGREY_SMTP_HOST") from None


def _send_webhook(secret: str, message: Message, delivery_id: str, possible_repeat: bool) -> Outcome:
    service = _webhook_service(secret)
    service.headers["Idempotency-Key"] = delivery_id
    service.payload_extras.update(
        {
            "delivery": delivery_id,
            "possible_repeat": possible_repeat,
            "alert": message.model_dump(mode="json", exclude={"subject", "footnotes"}),
        }
    )
    body = render_text(message, possible_repeat=possible_repeat)
    lines = _notify(service, title=message.subject, body=body, kind=_type(message))
    return Outcome(Result.SENT) if lines is None else read_evidence(lines)


def _webhook_service(secret: str) -> Any:
    service = _instance(webhook_address(secret))
    if not isinstance(service, NotifyJSON):
        raise ConfigError("the secret of a webhook is its address: https://… or json(s)://…")
    return service


def _send_chat(secret: str, message: Message, possible_repeat: bool) -> Outcome:
    service = _chat_service(secret)
    title = chat_title(message, possible_repeat=possible_repeat)
    body = render_chat(message, limit=min(LIMIT, service.body_maxlen or LIMIT))
    lines = _notify(service, title=title, body=body, kind=_type(message))
    return Outcome(Result.SENT) if lines is None else read_evidence(lines)


def _chat_service(secret: str) -> Any:
    service = _instance(secret)
    if len(service) > 1:
        raise ConfigError("its secret names several targets: make one channel for each")
    return service


def webhook_address(secret: str) -> str:
    """Turn an ordinary web address into Apprise's `json(s)://`, its query kept as it is."""
    parts = urlsplit(secret)
    schemes = {"http": "json", "https": "jsons"}
    if parts.scheme not in schemes:
        return secret
    # "-name=value" is how Apprise marks what belongs to the address and not to itself.
    query = urlencode([(f"-{name}", value) for name, value in parse_qsl(parts.query, keep_blank_values=True)])
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    return f"{schemes[parts.scheme]}://{parts.netloc}{path}" + (f"?{query}" if query else "")


def _asset() -> AppriseAsset:
    return AppriseAsset(app_id="Code Grey", app_desc="Code Grey", app_url="", async_mode=False)


def _instance(address: str) -> Any:
    service = Apprise.instantiate(address, asset=_asset(), suppress_exceptions=True)
    if service is None:
        raise ConfigError("its secret is not an address that Apprise knows")
    service.socket_connect_timeout, service.socket_read_timeout = CONNECT_S, READ_S
    service.retry = 0
    return service


def _notify(service: Any, *, title: str, body: str, kind: NotifyType) -> list[Line] | None:
    """Send through one service; return None where it says that it did, else its log lines.

    The service is called itself, not through an `Apprise` object: that one works in a pool of few
    threads, where one server that hangs would hold up all the others.
    """
    with overheard() as lines:
        sent = service.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
    return None if sent else list(lines)


def _type(message: Message) -> NotifyType:
    if message.kind in {"retraction", "test", "summary", "weekly", "digest"}:
        return NotifyType.INFO
    return NotifyType.FAILURE if message.level >= 4 else NotifyType.WARNING


async def _in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a daemon thread: one that hangs must not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            _settle(loop, done, partial(done.set_exception, error))
        else:
            _settle(loop, done, partial(done.set_result, result))

    threading.Thread(target=run, name="send", daemon=True).start()
    return await done


def _settle(loop: asyncio.AbstractEventLoop, done: asyncio.Future[T], act: Callable[[], None]) -> None:
    def unless_gone() -> None:
        if not done.done():
            act()

    try:
        loop.call_soon_threadsafe(unless_gone)
    except RuntimeError:
        return  # The loop has ended; nobody waits any longer.
