"""A mail server and a web server on loopback that keep what they are sent, and can be made to fail."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from shared.settings import Settings


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class MailSink:
    """Keep every mail. `refused` recipients get 550; `silent_s` is how long the answer to DATA takes."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: str = "250 kept"
    silent_s: float = 0.0
    _controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take or refuse a recipient."""
        if address in self.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the mail, then answer, perhaps too late."""
        read = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        if self.answer.startswith("2"):
            self.mails.append(read)
        if self.silent_s:
            await asyncio.sleep(self.silent_s)
        return self.answer

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    def settings(self, settings: Settings) -> Settings:
        """Point settings at this server."""
        return settings.model_copy(
            update={
                "smtp_host": "127.0.0.1",
                "smtp_port": self.port,
                "smtp_security": "none",
                "smtp_from": "codegrey@hospital.example",
            }
        )


@contextmanager
def mail_sink(**options: Any) -> Iterator[MailSink]:
    """Run a mail server while inside."""
    sink = MailSink(**options)
    sink.start()
    try:
        yield sink
    finally:
        sink.stop()


@dataclass
class WebSink:
    """Keep every request: (path, headers, JSON). `status` is the answer, `silent_s` how long it takes."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    status: int = 200
    silent_s: float = 0.0

    @property
    def url(self) -> str:
        """Return the address that requests go to."""
        return f"http://127.0.0.1:{self.port}/hook/s3cr3t-part"


@contextmanager
def web_sink() -> Iterator[WebSink]:
    """Run a web server while inside."""
    sink = WebSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            sink.requests.append((self.path, headers, json.loads(body or b"null")))
            if sink.silent_s:
                time.sleep(sink.silent_s)
            try:
                self.send_response(sink.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
            except OSError:
                return

        def log_message(self, *_arguments: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sink.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()
