"""DNS rebinding, by a real look-up that answers otherwise each time, against a real server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from services.ingest.fetching.addresses import make_policy
from services.ingest.fetching.fetch import Fetcher
from tests.ingest.feed_server import FeedServer

Names = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Let `rebind.example` answer with each group of addresses in turn, the last for ever; returns what was asked."""
    real = socket.getaddrinfo

    def serve(*answers: tuple[str, ...]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name != "rebind.example":
                return real(host, port, *args, **options)
            group = answers[min(len(asked), len(answers) - 1)]
            asked.append(name)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, int(port or 0))) for one in group]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return serve


async def fetched(server: FeedServer, **options: Any) -> str:
    """Fetch the name's feed once; return the error."""
    fetcher = Fetcher(make_policy(**options), user_agent="test", within_s=3)
    answer = await fetcher.fetch(f"http://rebind.example:{server.port}/f")
    await fetcher.aclose()
    return answer.error or ""


async def test_a_name_that_leads_to_this_machine_is_refused(server: FeedServer, names: Names) -> None:
    """At the one look-up there is."""
    asked = names(("127.0.0.1",))
    assert "refused" in await fetched(server)
    assert (asked, server.asked) == (["rebind.example"], [])


async def test_the_address_that_was_checked_is_the_one_connected_to(server: FeedServer, names: Names) -> None:
    """A second look-up, which would answer with this machine, never happens."""
    asked = names(("203.0.113.1",), ("127.0.0.1",))
    await fetched(server)
    assert (len(asked), server.asked) == (1, [])


@pytest.mark.parametrize("private", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0"])
async def test_of_several_answers_the_private_ones_are_never_tried(
    server: FeedServer, names: Names, private: str
) -> None:
    """Not even where the public one cannot be reached."""
    names((private,))
    assert "refused" in await fetched(server)
    assert server.asked == []
