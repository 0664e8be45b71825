"""Remember what must stay the same when the demo is started again: ports, the secret, the first reading."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from services.launcher.processes.children import write_privately
from shared.errors import CodeGreyError

FILE = "demo.json"
FIRST_PORTS = range(8460, 8490)
"""Tried at the first start: below the range from which systems hand out ports to clients."""


class Memory:
    """What a demo in a data folder keeps, in one file of its owner's."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE
        try:
            document = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            document = {}
        known: dict[str, Any] = document if isinstance(document, dict) else {}
        self.token: str = known.get("token") or secrets.token_hex(16)
        self.ports: dict[str, int] = known.get("ports") or {}
        self.started: datetime | None = datetime.fromisoformat(known["started"]) if known.get("started") else None

    def save(self) -> None:
        """Write it down."""
        started = self.started.isoformat() if self.started else None
        text = json.dumps({"token": self.token, "ports": self.ports, "started": started}, indent=1)
        write_privately(self.path, text + "\n")

    def begin(self, now: datetime) -> datetime:
        """Return when the feeds were first read, which is `now` where they never were."""
        if self.started is None:
            self.started = now.replace(microsecond=0)
            self.save()
        return self.started

    def listener(self, name: str) -> socket.socket:
        """Listen on the port that `name` had before, or on another one where it is taken; remember it."""
        wanted = [self.ports[name]] if name in self.ports else []
        listener = listen_on_first([*wanted, *(port for port in FIRST_PORTS if port not in self.ports.values()), 0])
        self.ports[name] = listener.getsockname()[1]
        return listener


def listen_on_first(ports: list[int], host: str = "127.0.0.1") -> socket.socket:
    """Bind the first of `ports` that is free; 0 stands for any."""
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if port == ports[-1]:
                raise CodeGreyError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
            continue
        listener.setblocking(False)
        return listener
    raise CodeGreyError("no port to listen on")


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Refuse a second demo in the same folder before it moves the first one's ports."""
    descriptor = os.open(data / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CodeGreyError(f"a demo already runs in {data}; stop it with `codegrey down --demo`") from None
    try:
        yield
    finally:
        os.close(descriptor)
