"""One ingest process for the tests: a poller without Kafka, which the tests may kill."""

from __future__ import annotations

import asyncio
import sys

from services.ingest import store
from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.fetch import Fetcher
from services.ingest.loop import Poller
from services.ingest.parsing.parsers import Parsers
from services.ingest.poll import Tools
from shared.database import open_engine
from shared.settings import load_settings


async def main(lease_s: float) -> None:
    """Poll until killed, with leases of so many seconds."""
    store.LEASE = store.timedelta(seconds=lease_s)
    settings = load_settings()
    networks = parse_networks("127.0.0.0/8")
    public, private = (Fetcher(make_policy(networks), user_agent="test", connections=8) for _ in range(2))
    tools = Tools(open_engine(settings), public, private, Parsers(1), asyncio.Event(), internal=networks)
    await Poller(settings, tools, concurrency=4).run()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
