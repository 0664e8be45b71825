"""Our own side of `make bench-ingest`: the service's poller on a real PostgreSQL, everything in the outbox.

Says that it is ready, reads phases on standard input ("poll"), answers each with a JSON line. Settings come from the
environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from sqlalchemy import func, select, text

from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.fetch import Fetcher
from services.ingest.loop import CONCURRENCY, Poller
from services.ingest.parsing.parsers import Parsers
from services.ingest.poll import Tools
from services.ingest.tables import feed, outbox
from shared.database import open_engine, transaction
from shared.log import configure_logging
from shared.settings import Settings, load_settings


async def main(base: str, count: int) -> None:
    """Poll as often as told."""
    settings: Settings = load_settings()
    assert settings.pause_file is not None
    settings.pause_file.touch()
    lines = "".join(f"  - {base}/{number}.xml\n" for number in range(count))
    (settings.config / "feeds.yaml").write_text(f"feeds:\n{lines}", "utf-8")
    configure_logging("ingest", "error")
    networks = parse_networks("127.0.0.0/8")
    engine = open_engine(settings)
    public, private = (Fetcher(make_policy(networks), user_agent="bench", connections=CONCURRENCY) for _ in range(2))
    tools = Tools(engine, public, private, Parsers(languages=True, gate=True), asyncio.Event(), internal=networks)
    loop = asyncio.get_running_loop()
    poller = Poller(settings, tools)
    running = asyncio.create_task(poller.run())
    # Loading what is polled with and reading the configuration is no polling.
    await poller.prepared.wait()
    there = 0
    while there < count:
        await asyncio.sleep(0.05)
        async with transaction(engine) as connection:
            there = await connection.scalar(select(func.count()).select_from(feed)) or 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while await loop.run_in_executor(None, sys.stdin.readline):
        async with transaction(engine) as connection:
            before = await connection.scalar(select(func.count()).select_from(outbox))
            started = time.monotonic()
            await connection.execute(text("UPDATE ingest.feed SET next_poll_at = now(), last_poll_at = NULL"))
        settings.pause_file.unlink(missing_ok=True)
        polled = 0
        while polled < count:
            await asyncio.sleep(0.05)
            async with transaction(engine) as connection:
                polled = await connection.scalar(select(func.count(feed.c.last_poll_at))) or 0
        took = time.monotonic() - started
        async with transaction(engine) as connection:
            new = (await connection.scalar(select(func.count()).select_from(outbox)) or 0) - (before or 0)
            failures = await connection.scalar(select(func.max(feed.c.last_error)))
        answer = {"feeds": count, "seconds": took, "new": new, "error": failures}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await tools.parsers.close()
    await public.aclose()
    await private.aclose()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2], int(sys.argv[3])))
