"""The server that takes pushes, on its real socket: who is answered, what is bounded, and that 202 means durable."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.fetching import request_body
from services.ingest.poll import Tools
from services.ingest.push import serve_pushes
from services.ingest.sources.feeds_file import Push
from services.ingest.tables import outbox
from shared.database import transaction
from tests.waiting import wait_until

pytestmark = pytest.mark.servers
ITEM = {"title": "Attack on a hospital", "content_text": "Text."}
BODY = json.dumps([ITEM, {"title": "Another"}]).encode()
HEADERS = {"authorization": "Bearer right", "content-type": "application/json"}


@pytest.fixture
async def port(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Serve as the service does, with little patience."""
    monkeypatch.setattr(request_body, "WITHIN_S", 0.5)
    (tmp_path / "desk_token").write_text("right")
    tools.secrets = tmp_path
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    push = Push.model_validate(
        {
            "listen": f"127.0.0.1:{found}",
            "callback": "https://alerts.example/in",
            "sources": [{"name": "desk", "token_file": "desk_token"}],
        }
    )
    serving = asyncio.create_task(serve_pushes(lambda: push, tools, ["127.0.0.1"]))

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", found)) == 0

    await wait_until(listens)
    yield found
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def count(engine: AsyncEngine) -> int:
    """Count what goes on."""
    async with transaction(engine) as connection:
        return await connection.scalar(select(func.count()).select_from(outbox)) or 0


async def raw(port: int, sent: bytes, *, then: bytes = b"", every_s: float = 0.0) -> bytes:
    """Send bytes as they are, then one of `then` at a time; return the answer's first line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)

    async def drip() -> None:
        for number in range(len(then)):
            writer.write(then[number : number + 1])
            await writer.drain()
            await asyncio.sleep(every_s)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(15):
        line = await reader.readline()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    writer.close()
    return line.strip()


def head(length: int, host: str = "127.0.0.1", token: str = "right", path: str = "/push/desk") -> bytes:
    """Write the head of a push."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_batch_is_in_the_outbox_before_it_is_accepted(port: int, engine: AsyncEngine) -> None:
    """At the very moment of the answer."""
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{port}/push/desk", content=BODY, headers=HEADERS)
    assert await count(engine) == 2
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "new": 2})


async def test_a_database_that_is_away_is_no_202(port: int, engine: AsyncEngine, tools: Tools) -> None:
    """Whoever pushes is told to try again, and nothing is half there."""
    tools.engine = _Away()  # type: ignore[assignment]
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{port}/push/desk", content=BODY, headers=HEADERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert await count(engine) == 0


class _Away:
    """A database that cannot be reached."""

    def begin(self) -> object:
        """Refuse."""
        raise ConnectionRefusedError("away")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head(len(BODY), host="evil.example") + BODY, b"400"),
        (head(len(BODY), token="wrong") + BODY, b"401"),
        (head(5_000_000_000), b"413"),
        (head(5_000_000) + b"[", b"413"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /push/desk HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"405"),
        (head(len(BODY), host="alerts.example") + BODY, b"202"),
    ],
    ids=["host", "token", "said huge", "huge", "no http", "get", "the public name"],
)
async def test_what_may_not_come_in_is_refused_on_the_wire(
    port: int, engine: AsyncEngine, sent: bytes, status: bytes
) -> None:
    """By its first line; a huge body is not even waited for."""
    assert (await raw(port, sent)).split(b" ")[1] == status
    assert await count(engine) == (2 if status == b"202" else 0)


async def test_a_body_that_drips_is_left(port: int, engine: AsyncEngine) -> None:
    """The limit is on the whole."""
    line = await raw(port, head(1_000), then=b" " * 900, every_s=0.02)
    assert line.split(b" ")[1] == b"408"
    assert await count(engine) == 0


async def test_a_sender_that_goes_away_disturbs_nobody(port: int, engine: AsyncEngine) -> None:
    """Half a body is nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head(1_000) + b"[")
    await writer.drain()
    writer.transport.abort()
    assert (await raw(port, head(len(BODY)) + BODY)).split(b" ")[1] == b"202"
    assert await count(engine) == 2
