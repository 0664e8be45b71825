"""Health and metrics over real HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request
from asyncio import to_thread

from shared.http import Health, serving
from shared.settings import Settings


def _get(url: str, host: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_readiness_names_what_is_wrong_and_liveness_only_a_fatal_fault() -> None:
    """A dead consumer makes a service not ready; it is alive as long as it can go on."""
    health = Health("probe")
    troubles: list[str | None] = [None]
    health.checks["consumer"] = lambda: troubles[0]
    async with serving(health, Settings()) as port:
        base = f"http://127.0.0.1:{port}"
        assert (await to_thread(_get, f"{base}/ready"))[0] == 200
        troubles[0] = "has not asked for messages for 40 s"
        status, body = await to_thread(_get, f"{base}/ready")
        assert status == 503
        assert "has not asked for messages" in body
        assert (await to_thread(_get, f"{base}/live"))[0] == 200
        assert 'codegrey_ready{check="consumer"} 0.0' in (await to_thread(_get, f"{base}/metrics"))[1]
        health.fatal = "a batch failed"
        assert (await to_thread(_get, f"{base}/live"))[0] == 503


async def test_a_strange_host_header_is_refused() -> None:
    """A web page must not reach it through a name that points to loopback."""
    async with serving(Health("probe"), Settings()) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        assert (await to_thread(_get, url, "evil.example"))[0] == 400
        assert (await to_thread(_get, url, "localhost"))[0] == 200
