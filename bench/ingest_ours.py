"""Our own side of `make bench-ingest`: the service's poller on a real PostgreSQL, everything in the outbox.

Reads phases on standard input ("poll COUNT"), answers each with a JSON line. Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from sqlalchemy import func, select, text

from services.ingest.addresses import make_policy, parse_networks
from services.ingest.fetch import Fetcher
from services.ingest.loop import CONCURRENCY, Poller
from services.ingest.parsers import Parsers
from services.ingest.poll import Tools
from services.ingest.tables import feed, outbox
from shared.database import open_engine, transaction
from shared.log import configure_logging
from shared.settings import Settings, load_settings


async def main(base: str) -> None:
    """Poll as often as told."""
    settings: Settings = load_settings()
    assert settings.pause_file is not None
    pause = settings.pause_file
    pause.touch()
    configure_logging("ingest", "error")
    networks = parse_networks("127.0.0.0/8")
    engine = open_engine(settings)
    public, private = (Fetcher(make_policy(networks), user_agent="bench", connections=CONCURRENCY) for _ in range(2))
    tools = Tools(engine, public, private, Parsers(languages=True), asyncio.Event(), internal=networks)
    loop = asyncio.get_running_loop()
    have = 0
    poller = Poller(settings, tools)
    running = asyncio.create_task(poller.run())
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count = int(line.split()[1])
        async with transaction(engine) as connection:
            before = await connection.scalar(select(func.count()).select_from(outbox))
        if count > have:
            # Reading the configuration is no polling: it waits until all feeds are there.
            lines = "".join(f"  - {base}/{number}.xml\n" for number in range(count))
            (settings.config / "feeds.yaml").write_text(f"feeds:\n{lines}", "utf-8")
            have = count
            there = 0
            while there < have:
                await asyncio.sleep(0.05)
                async with transaction(engine) as connection:
                    there = await connection.scalar(select(func.count()).select_from(feed)) or 0
            # What the others import before they are asked is loaded by now, too.
            await poller.prepared.wait()
            started = time.monotonic()
            pause.unlink()
        else:
            started = time.monotonic()
            async with transaction(engine) as connection:
                await connection.execute(text("UPDATE ingest.feed SET next_poll_at = now(), last_poll_at = NULL"))
        polled = 0
        while polled < have:
            await asyncio.sleep(0.05)
            async with transaction(engine) as connection:
                polled = await connection.scalar(select(func.count(feed.c.last_poll_at))) or 0
        took = time.monotonic() - started
        async with transaction(engine) as connection:
            new = (await connection.scalar(select(func.count()).select_from(outbox)) or 0) - (before or 0)
            failures = await connection.scalar(select(func.max(feed.c.last_error)))
        answer = {"feeds": have, "seconds": took, "new": new, "error": failures}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await tools.parsers.close()
    await public.aclose()
    await private.aclose()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2]))
