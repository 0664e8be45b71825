"""One service in a process of its own: started, listened to, asked whether it is ready."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from services.launcher.plan import Service
from services.launcher.processes.children import Child, ProcessTable
from services.launcher.processes.log import ServiceLog, follow
from services.launcher.terminal import Terminal

DRAIN_S = 20.0


class ServiceProcess:
    """A service under the supervisor's hand."""

    def __init__(self, service: Service, data: Path, terminal: Terminal, environment: Callable[[], Mapping[str, str]]):
        self.name = service.name
        self.port = 0
        self._service = service
        self._data = data
        self._terminal = terminal
        self._environment = environment
        self._child: Child | None = None
        self._listening: asyncio.Task[None] | None = None
        self._last_words: deque[str] = deque(maxlen=6)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it with the environment as it is now. Its standard input closes when we end, however we end."""
        environment = dict(self._environment())
        self.port = int(environment["CODEGREY_HTTP_PORT"])
        self._last_words.clear()
        self._child = Child.start(
            self.name,
            self._service.command,
            table=ProcessTable(self._data),
            env=environment,
            output=subprocess.PIPE,
            cwd=Path.cwd(),
            stdin=subprocess.PIPE,
        )
        assert self._child.process.stdout is not None
        log = ServiceLog(self._data / "logs" / f"{self.name}.jsonl")

        def each(line: bytes) -> None:
            log.write(line)
            text = line.decode("utf-8", "replace")
            if not text.startswith("{"):
                self._last_words.append(text)
            self._terminal.relay(self.name, text)

        self._listening = asyncio.create_task(follow(self._child.process.stdout, each))
        self._listening.add_done_callback(lambda _task: log.close())

    async def wait(self) -> int:
        """Wait until it ends; return its exit status."""
        assert self._child is not None
        status = await self._child.wait()
        assert status is not None
        await self._hush()
        return status

    async def stop(self, hurry: Callable[[], bool]) -> None:
        """Let it drain; kill it when that takes too long, or in a hurry."""
        if self._child is not None:
            await self._child.stop([(signal.SIGTERM, DRAIN_S)], hurry)
            await self._hush()

    def terminate(self) -> None:
        """Ask it to end, without waiting."""
        if self._child is not None:
            self._child.send(signal.SIGTERM)

    def last_words(self) -> str:
        """Return the end of what it said that was no log line: an exception, mostly."""
        return " | ".join(word.strip() for word in self._last_words if word.strip())[-600:]

    async def trouble(self) -> str | None:
        """Return why it is not ready, or None."""
        return await ask_ready(self.port)

    async def _hush(self) -> None:
        """Take in what is left in the pipe (a grandchild may hold it open), and close ours."""
        if self._listening is not None:
            await asyncio.wait([self._listening], timeout=1.0)
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        if self._child is not None and self._child.process.stdin is not None:
            self._child.process.stdin.close()


async def ask_ready(port: int, limit: float = 2.0) -> str | None:
    """Ask a service's `/ready`; return None where it answers 200, else why it is not ready."""
    request = f"GET /ready HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request.encode())
                answer = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return "does not answer yet"
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] == [b"200"]:
        return None
    with suppress(ValueError, AttributeError):
        troubles = json.loads(body).get("troubles", {})
        return "; ".join(f"{name}: {why}" for name, why in troubles.items()) or "not ready"
    return "not ready"
