"""Send mail through Apprise's own email service, with our letter and with the truth about what happened.

Apprise derives the text alternative from the HTML and answers "failed" whatever went wrong. This
service keeps Apprise's connection (TLS, login, time-outs) and sends the letter step by step, so
that "surely not sent" and "may have arrived" can be told apart.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Hashable
from contextlib import suppress
from functools import cache
from typing import Any

from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.smtp import AppriseSMTPController, SMTPSecureMode

from services.notifier.mail_sessions import Kept, MailSessions
from services.notifier.outcome import Outcome, Result

# Apprise's classes are half typed: take them as they are, and type what we add.
_Controller: Any = AppriseSMTPController
_Email: Any = NotifyEmail
_FAULTS = (OSError, smtplib.SMTPException, RuntimeError, ValueError)


class BrokeBeforeError(Exception):
    """The connection ended before the letter left: it surely did not arrive."""


@cache
def _authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _our_name() -> str:
    # Asked once: the name server may be slow, and smtplib would ask it for each mail.
    return socket.getfqdn()


class Session(_Controller):  # type: ignore[misc]
    """One SMTP connection that says how far it came."""

    def __enter__(self) -> Session:
        """Connect, encrypt and log in, as Apprise does, but with the authorities read once.

        Reading them for each mail took five times as long as all the rest of it.
        """
        host, port, patience = self.host, self.port, self.socket_connect_timeout
        if self.secure_mode == SMTPSecureMode.SSL:
            tls = _authorities()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, _our_name(), timeout=patience, context=tls)
        else:
            connection = smtplib.SMTP(host, port, _our_name(), timeout=patience)
        self._socket = connection
        try:
            if self.secure_mode == SMTPSecureMode.STARTTLS:
                self._socket.starttls(context=_authorities())
            if self.user and self.password:
                self._socket.login(self.user, self.password)
        except _FAULTS:
            self._socket.close()
            raise
        return self

    def greet(self) -> None:
        """Say hello, so that a server that does not speak SMTP is told apart."""
        self._socket.ehlo_or_helo_if_needed()

    def leave(self) -> None:
        """Say goodbye without waiting for an answer, and close; never raises: what was sent stays sent."""
        with suppress(*_FAULTS):
            self._socket.putcmd("quit")
        with suppress(*_FAULTS):
            self._socket.close()

    def has_spoken(self) -> bool:
        """Say whether the server said something that nobody asked for: it would be taken for the next answer."""
        connection, answers = self._socket.sock, self._socket.file
        if connection is None or answers is None:
            return True
        patience = connection.gettimeout()
        try:
            connection.settimeout(0.0)
            return bool(answers.peek(1))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except _FAULTS:
            return True
        finally:
            with suppress(*_FAULTS):
                connection.settimeout(patience)

    def deliver(self, sender: str, recipient: str, letter: bytes) -> Outcome:
        """Send one letter to one recipient; raises BrokeBeforeError where the connection was gone before it left.

        Until the letter itself is sent, any failure means that it surely did not arrive. Once it
        has left, only the server's answer counts; without one the outcome is unknown.
        """
        connection = self._socket
        try:
            connection.ehlo_or_helo_if_needed()
            code, answer = connection.mail(sender)
            if code == 421:
                raise BrokeBeforeError(f"the server hangs up: {_said(code, answer)}")
            if code != 250:
                return Outcome(Result.NOT_SENT, f"the sender was refused: {_said(code, answer)}")
            code, answer = connection.rcpt(recipient)
            if code not in {250, 251}:
                result = Result.REFUSED if 500 <= code < 600 else Result.NOT_SENT
                return Outcome(result, f"the recipient was refused: {_said(code, answer)}")
            code, answer = connection.docmd("DATA")
            if code != 354:
                result = Result.REFUSED if 500 <= code < 600 else Result.NOT_SENT
                return Outcome(result, f"the message was refused: {_said(code, answer)}")
        except _FAULTS as fault:
            raise BrokeBeforeError(f"the connection broke before the message: {type(fault).__name__}") from fault
        try:
            connection.send(_dotted(letter))
            code, answer = connection.getreply()
        except _FAULTS as fault:
            return Outcome(Result.UNKNOWN, f"no answer after the message ({type(fault).__name__}); it may have arrived")
        return _after_the_letter(code, _said(code, answer))


def _after_the_letter(code: int, said: str) -> Outcome:
    """Read the answer to the whole letter by its first digit (RFC 5321, 4.2.1); what is none leaves it open."""
    match code // 100:
        case 2:
            return Outcome(Result.SENT, said)
        case 4:
            return Outcome(Result.NOT_SENT, f"the message was refused: {said}")
        case 5:
            return Outcome(Result.REFUSED, f"the message was refused: {said}")
    return Outcome(Result.UNKNOWN, f"an answer to the message that says nothing ({said}); it may have arrived")


SESSIONS: MailSessions[Session] = MailSessions()


class Mail(_Email):  # type: ignore[misc]
    """Apprise's email service with our letter in place of the one it would write."""

    letter: bytes = b""
    outcome: Outcome = Outcome(Result.NOT_SENT, "nothing was sent")

    def send(self, body: str, title: str = "", **_options: Any) -> bool:
        """Send the letter to the one target; `outcome` tells what came of it."""
        server = (self.smtp_host, self.port, self.secure_mode, self.user, self.password)
        try:
            self.outcome = self._send_on(server, kept) if (kept := SESSIONS.take(server)) else self._send_anew(server)
        except smtplib.SMTPAuthenticationError as fault:
            self.outcome = Outcome(Result.NOT_SENT, f"the login was refused: {_said(fault.smtp_code, b'')}")
        except BrokeBeforeError as fault:
            self.outcome = Outcome(Result.NOT_SENT, str(fault))
        except _FAULTS as fault:
            self.outcome = Outcome(Result.NOT_SENT, f"no connection to the mail server: {_fault(fault)}")
        return self.outcome.result is Result.SENT

    def open(self) -> Session:
        """Connect, encrypt and log in."""
        session = Session(
            host=self.smtp_host,
            port=self.port,
            secure_mode=self.secure_mode,
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,
        )
        return session.__enter__()

    def _send_anew(self, server: Hashable) -> Outcome:
        return self._deliver(server, Kept(self.open(), SESSIONS.clock()))

    def _send_on(self, server: Hashable, kept: Kept[Session]) -> Outcome:
        if kept.session.has_spoken():
            kept.session.leave()
            return self._send_anew(server)
        try:
            return self._deliver(server, kept)
        except BrokeBeforeError:
            # The server had hung up meanwhile, as it may; nothing had left.
            return self._send_anew(server)

    def _deliver(self, server: Hashable, kept: Kept[Session]) -> Outcome:
        """Send, and keep the connection where the letter was accepted: what else happened may have confused it."""
        outcome = None
        try:
            outcome = kept.session.deliver(self.from_addr[1], self.targets[0][1], self.letter)
        finally:
            if outcome and outcome.result is Result.SENT:
                SESSIONS.give(server, kept)
            else:
                kept.session.leave()
        return outcome


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}".strip()[:200]


def _fault(fault: BaseException) -> str:
    reason = getattr(fault, "strerror", None) or (str(fault) if isinstance(fault, TimeoutError) else "")
    return f"{type(fault).__name__}{f': {reason}' if reason else ''}"[:200]


def _dotted(letter: bytes) -> bytes:
    """End each line with CRLF, double a leading dot, and close with the lone dot (RFC 5321, 4.5.2)."""
    lines = letter.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"
