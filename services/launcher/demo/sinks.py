"""A real mail server and a real webhook server that keep what they are sent and pass nothing on.

The demo shows what arrives here; the suites and the chaos run count it. `on_data` is called when
a message is complete and kept but not yet answered: the worst moment for its sender to die.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.launcher.demo.memory import listen_on_first
from services.launcher.demo.post import Call, Mail, Shelf, parsed
from services.launcher.demo.web import WebServer

MAX_BYTES = 4 * 1024 * 1024

MailHook = Callable[[Mail], Awaitable[None] | None]
CallHook = Callable[[Call], Awaitable[None] | None]
Say = Callable[[str], None]


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing(_line: str) -> None:
    return None


class SmtpSink:
    """A mail server on loopback. `port` 0 takes a free one at the first start and keeps it.

    `messages` holds what came in since it was made; with a `folder` each mail is kept there
    as .eml, .html and .txt beside an index. Nothing is acknowledged before it is kept.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = 0,
        on_data: MailHook | None = None,
        say: Say = _nothing,
        link: Callable[[int], str] | None = None,
    ) -> None:
        self.port = port
        self.on_data = on_data
        self.messages: list[Mail] = []
        self.shelf = Shelf(folder)
        self._say = say
        self._link = link
        self._server: asyncio.Server | None = None
        self._sessions: WeakSet[SMTP] = WeakSet()

    async def start(self, listener: socket.socket | None = None) -> None:
        """Listen and answer; on `listener` where one is given."""
        listener = listener or listen_on_first([self.port])
        self.port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(self._session, sock=listener)

    async def stop(self) -> None:
        """Stop listening and cut what is open, as a server that goes down does."""
        if self._server:
            self._server.close()
            self._server = None
        for session in list(self._sessions):
            if isinstance(session.transport, asyncio.WriteTransport):
                session.transport.abort()

    def _session(self) -> SMTP:
        session = SMTP(self, hostname="sink.example", enable_SMTPUTF8=True, data_size_limit=MAX_BYTES, ident="sink")
        self._sessions.add(session)
        return session

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail, call the hook, then acknowledge; aiosmtpd calls this by its name."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        number = self.shelf.next_number()
        mail = Mail(
            number, _now(), envelope.mail_from or "", tuple(envelope.rcpt_tos), raw, self.shelf.path(number, ".eml")
        )
        if self.shelf.folder:
            self._keep(mail)
        self.messages.append(mail)
        await _call(self.on_data, mail)
        return "250 kept"

    def _keep(self, mail: Mail) -> None:
        row = {
            "number": mail.number,
            "received_at": mail.received_at.isoformat(),
            "to": list(mail.recipients),
            "subject": mail.subject,
        }
        self.shelf.keep(row, {".eml": mail.raw, ".html": mail.html.encode(), ".txt": mail.text.encode()})
        where = self._link(mail.number) if self._link else mail.file
        self._say(f"✉ mail to {', '.join(mail.recipients)} | {mail.subject} | {where}")


class WebhookSink:
    """A webhook server on loopback; with a `token` only addresses that end in it are answered.

    `messages` holds what came in since it was made; with a `folder` each call is kept there as
    JSON beside an index. `status` is what it answers, for trying refusals.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = 0,
        token: str = "",
        status: int = 200,
        on_data: CallHook | None = None,
        say: Say = _nothing,
    ) -> None:
        self.port = port
        self.on_data = on_data
        self.status = status
        self.messages: list[Call] = []
        self.shelf = Shelf(folder)
        self._token = token
        self._say = say
        self._server: WebServer | None = None

    async def start(self, listener: socket.socket | None = None) -> None:
        """Listen and answer; on `listener` where one is given."""
        listener = listener or listen_on_first([self.port])
        self.port = listener.getsockname()[1]
        app = Starlette(routes=[Route("/{path:path}", self._receive, methods=["POST"])])
        self._server = WebServer(app, listener)
        await self._server.start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            await self._server.stop()
            self._server = None

    async def _receive(self, request: Request) -> Response:
        last = request.url.path.rsplit("/", 1)[-1]
        if self._token and not secrets.compare_digest(last.encode(), self._token.encode()):
            return PlainTextResponse("unknown address", 404)
        raw = bytearray()
        async for part in request.stream():
            raw += part
            if len(raw) > MAX_BYTES:
                return PlainTextResponse("too large", 413)
        call = self._keep(request, bytes(raw))
        await _call(self.on_data, call)
        return PlainTextResponse("ok", self.status)

    def _keep(self, request: Request, raw: bytes) -> Call:
        number = self.shelf.next_number()
        path = request.url.path.removesuffix(self._token).rstrip("/") if self._token else request.url.path
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(number, _now(), path, headers, raw, parsed(raw), self.shelf.path(number, ".json"))
        row = {"number": number, "received_at": call.received_at.isoformat(), "path": path, "title": call.title}
        self.shelf.keep(row, {".json": raw})
        self.messages.append(call)
        self._say(f"✉ chat to {call.channel} | {call.title}{f' | {call.file}' if call.file else ''}")
        return call


async def _call(hook: Callable[[Any], Awaitable[None] | None] | None, received: Any) -> None:
    answer = hook(received) if hook else None
    if inspect.isawaitable(answer):
        await answer
