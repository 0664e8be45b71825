"""See when the certificates end that Kafka and the mail server show us: after that nothing goes any more."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from services.notifier.config import Subscriptions
from shared.errors import ConfigError
from shared.kafka import ssl_context
from shared.log import get_logger
from shared.settings import Settings
from shared.trouble import Trouble

log = get_logger()

TOLD_BEFORE = timedelta(days=21)
LOOK_EVERY_S = 6 * 3600.0
AGAIN_AFTER_S = 900.0
WITHIN_S = 10.0
_EXPIRED = 10
"""OpenSSL's number for a certificate that has ended."""


@dataclass(frozen=True)
class Certificate:
    """Whose it is, and when it ends; None where all that is known is that it has ended."""

    whose: str
    ends: datetime | None


def trouble_of(one: Certificate, now: datetime) -> Trouble | None:
    """Say that a certificate is about to end: again a week before, a day before, and when it has ended. Pure."""
    left = one.ends - now if one.ends else timedelta(0)
    if left > TOLD_BEFORE:
        return None
    measure = sum(left <= step for step in (TOLD_BEFORE, timedelta(days=7), timedelta(days=1), timedelta(0)))
    when = f" on {one.ends:%Y-%m-%d %H:%M} UTC" if one.ends else ""
    title = f"the certificate of {one.whose} {'ends' if left > timedelta(0) else 'has ended'}{when}"
    return Trouble(
        f"certificate:{one.whose}", title, "After that nothing goes through it. Have it renewed there.", measure
    )


def shown_by(host: str, port: int, context: ssl.SSLContext, whose: str) -> Certificate:
    """Return the certificate of a server that speaks TLS from the first byte."""
    try:
        with (
            socket.create_connection((host, port), timeout=WITHIN_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return _read(secure, whose)
    except ssl.SSLCertVerificationError as refused:
        return _refused(refused, whose)


def shown_after_starttls(host: str, port: int, context: ssl.SSLContext, whose: str) -> Certificate:
    """Return the certificate of a mail server that turns to TLS when asked."""
    try:
        with smtplib.SMTP(host, port, timeout=WITHIN_S) as connection:
            connection.starttls(context=context)
            secure = connection.sock
            assert isinstance(secure, ssl.SSLSocket)
            return _read(secure, whose)
    except ssl.SSLCertVerificationError as refused:
        return _refused(refused, whose)


def _read(secure: ssl.SSLSocket, whose: str) -> Certificate:
    shown = secure.getpeercert() or {}
    ends = shown.get("notAfter")
    if not isinstance(ends, str):
        raise OSError(f"{whose} shows no certificate")
    return Certificate(whose, datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC))


def _refused(refused: ssl.SSLCertVerificationError, whose: str) -> Certificate:
    if refused.verify_code == _EXPIRED:
        return Certificate(whose, None)
    raise refused  # Unknown or for another name: whoever connects says so.


@dataclass
class Certificates:
    """Look now and then; a server that does not answer leaves what was known of it."""

    settings: Settings
    config: Callable[[], Subscriptions]
    mail_context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    steady: Callable[[], float] = time.monotonic
    _known: dict[str, Certificate] = field(default_factory=dict)
    _next: float = 0.0

    async def troubles(self) -> list[Trouble]:
        """Return the certificates that are about to end."""
        if self.steady() >= self._next:
            whole = await asyncio.to_thread(self._look)
            self._next = self.steady() + (LOOK_EVERY_S if whole else AGAIN_AFTER_S)
        found = (trouble_of(one, self.now()) for one in self._known.values())
        return [one for one in found if one]

    def _look(self) -> bool:
        whole, known = True, {}
        for whose, ask in self._asked():
            try:
                known[whose] = ask()
            except (OSError, smtplib.SMTPException, ValueError, ConfigError) as fault:
                whole = False
                log.info("certificate not seen", whose=whose, why=type(fault).__name__)
                if whose in self._known:
                    known[whose] = self._known[whose]
        self._known = known
        return whole

    def _asked(self) -> list[tuple[str, Callable[[], Certificate]]]:
        """List what to ask: each bootstrap server of a Kafka with TLS, and the mail server where mail is sent."""
        settings, asked = self.settings, list[tuple[str, Callable[[], Certificate]]]()

        if context := ssl_context(settings):
            for server in settings.kafka_bootstrap.split(","):
                host, _, port = server.strip().rpartition(":")
                if host and port.isdigit():
                    whose = f"Kafka at {server.strip()}"
                    asked.append((whose, partial(shown_by, host.strip("[]"), int(port), context, whose)))
        mails = any(channel.kind == "email" for channel in self.config().channels.values())
        if settings.smtp_host and settings.smtp_security != "none" and mails:
            whose = f"the mail server {settings.smtp_host}"
            ask = shown_by if settings.smtp_security == "tls" else shown_after_starttls
            asked.append((whose, partial(ask, settings.smtp_host, settings.smtp_port, self.mail_context(), whose)))
        return asked
