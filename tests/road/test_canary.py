"""A canary travels the whole road, is told to nobody, and is missed when it stays away."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Iterator

import httpx2
import psutil
import pytest

from shared.settings import read_endpoints
from tests.chaos.attacks import make_attack, towns
from tests.notifier.notifier_sinks import WebSink, web_sink
from tests.road.conftest import Road, travelling
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

HOSPITAL = "Greyfinch"
OPERATOR = "operator@hospital.example"


@pytest.fixture(scope="module")
def switch() -> Iterator[WebSink]:
    """Stand in for the dead man's switch outside."""
    with web_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
async def watched(switch: WebSink) -> AsyncIterator[Road]:
    """Give one running Code Grey with a canary every five seconds."""
    async with travelling("codegrey-canary-", CODEGREY_CANARY_EVERY_S="5", CODEGREY_CANARY_PING_URL=switch.url) as road:
        await road.stack.up()
        await road.first_contact()
        yield road


async def _ask(road: Road, service: str, path: str) -> str:
    port = read_endpoints(road.stack.data)["services"][service]
    async with httpx2.AsyncClient(timeout=10) as client:
        return (await client.get(f"http://127.0.0.1:{port}{path}")).text


async def _arrived(road: Road) -> int:
    found = re.search(r"^codegrey_canary_seconds_count (\S+)", await _ask(road, "notifier", "/metrics"), re.MULTILINE)
    return int(float(found[1])) if found else 0


async def test_canaries_arrive_and_are_seen_by_nobody(watched: Road, switch: WebSink) -> None:
    """They are timed, told to the switch outside, and stand in no list, mailbox, chat or terminal."""

    async def three() -> bool:
        return await _arrived(watched) >= 3

    await wait_until(three, within=60, every=0.5, what="three canaries")
    await wait_until(lambda: len(switch.requests) >= 3, what="three pings")
    assert "canary" not in await _ask(watched, "notifier", "/ready")
    assert HOSPITAL not in str(await watched.ask("incidents", "list", "--all"))
    status = await watched.ask("status")
    assert [feed["name"] for feed in status["feeds"]] == ["Road News"]
    assert status["deliveries"]["sent"] == len(watched.mail.messages) + len(watched.chat.messages)
    assert HOSPITAL not in "".join(mail.text for mail in watched.mail.messages)
    assert HOSPITAL not in "".join(call.text for call in watched.chat.messages)
    said = watched.stack.tail() + (watched.stack.data / "logs" / "notifier.jsonl").read_text("utf-8")
    assert HOSPITAL not in watched.stack.tail()
    assert "s3cr3t-part" not in said


async def test_a_real_attack_never_meets_a_canary(watched: Road) -> None:
    """It opens an incident of its own, with one source."""
    published = make_attack(1, towns(3))
    watched.feed.add(published)
    await watched.alerted(published)
    (incident,) = await watched.ask("incidents", "list", "--all")
    shown = await watched.ask("incidents", "show", incident["id"])
    assert [report["source"] for report in shown["reports"]] == ["Road News"]


async def test_operators_are_told_once_that_canaries_stay_away_and_once_that_they_are_back(watched: Road) -> None:
    """Stop the classifier, as a machine that swaps would; readiness tells of it, too."""
    pid = watched.stack.pid("classifier")
    assert pid
    stopped = psutil.Process(pid)

    def told() -> list[str]:
        return [mail.subject for mail in watched.mail.messages if OPERATOR in mail.recipients]

    stopped.send_signal(signal.SIGSTOP)
    try:
        await wait_until(lambda: "trouble] the canary is late" in str(told()), within=60, what="the operators' message")
        assert "the canary is late" in await _ask(watched, "notifier", "/ready")
    finally:
        stopped.send_signal(signal.SIGCONT)
    await wait_until(
        lambda: "recovered] the canary is late" in str(told()), within=60, what="the message that it is over"
    )
    late = "the canary is late: the road from feed to alert may be closed"
    assert [one for one in told() if "canary" in one] == [
        f"[Code Grey trouble] {late}",
        f"[Code Grey recovered] {late}",
    ]
    assert "canary" not in await _ask(watched, "notifier", "/ready")
