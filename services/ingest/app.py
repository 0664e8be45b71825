"""The ingest service: it reads the configured feeds and publishes what is new."""

from __future__ import annotations

import asyncio

from services.ingest import canary
from services.ingest.canary import CanaryFetcher
from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.skew import NotingFetcher, Skew
from services.ingest.fetching.user_agent import user_agent
from services.ingest.hub.keep import keep_subscriptions
from services.ingest.loop import CONCURRENCY, Poller
from services.ingest.parsing.parsers import Parsers
from services.ingest.poll import Tools
from services.ingest.purge import bites
from services.ingest.push import serve_pushes
from services.ingest.sources.feeds_file import Push, ReadFiles, load_feeds
from services.ingest.status import feed_figures, feed_troubles
from services.ingest.tables import outbox
from shared.errors import ConfigError
from shared.outbox import Relay
from shared.purge import Purger
from shared.service import Runtime, serve


async def assemble(runtime: Runtime) -> None:
    """Start the loop over feeds and the outbox relay."""
    relay = Relay("ingest", outbox, runtime.engine, runtime.producer, asyncio.Event())
    networks = parse_networks(runtime.settings.private_feeds)
    skew = Skew()
    private = CanaryFetcher(make_policy(networks, allow_private=True), user_agent=user_agent(), connections=CONCURRENCY)
    tools = Tools(
        engine=runtime.engine,
        public=NotingFetcher(make_policy(networks), skew, user_agent=user_agent(), connections=CONCURRENCY),
        private=private,
        parsers=Parsers(languages=True, gate=True),
        wake=relay.wake,
        internal=networks,
        secrets=runtime.settings.secrets_dir,
    )
    poller = Poller(runtime.settings, tools)

    async def poll_feeds() -> None:
        try:
            await poller.run()
        finally:
            await tools.parsers.close()
            await tools.public.aclose()
            await tools.private.aclose()

    if (push := await _push_at_start(runtime, poller.files)) is not None:
        hosts = [host.strip() for host in runtime.settings.http_allowed_hosts.split(",") if host.strip()]

        def current() -> Push | None:
            return poller.file.push if poller.file is not None else push

        runtime.background("pushes", lambda: serve_pushes(current, tools, hosts))
    runtime.relay(relay)
    runtime.background("purge", Purger("ingest", runtime.engine, bites(runtime.settings)).run)
    runtime.health.checks["poller"] = poller.trouble
    runtime.background("canary", private.serve)
    runtime.troubles.figures("feeds", lambda: feed_figures(runtime.engine))
    runtime.troubles.watch("feeds", lambda: feed_troubles(runtime.engine), every_s=60.0)
    runtime.troubles.watch("publishers' clocks", skew.troubles, own=True)
    runtime.background("canary purge", Purger("ingest-canary", runtime.engine, canary.PURGE).run)
    runtime.background("hubs", lambda: keep_subscriptions(lambda: poller.file, tools))
    runtime.background("poller", poll_feeds)


async def _push_at_start(runtime: Runtime, files: ReadFiles) -> Push | None:
    """Whether items may be pushed; a file that is broken is told of by the loop over feeds."""
    try:
        return (await asyncio.to_thread(load_feeds, runtime.settings, files)).push
    except ConfigError:
        return None


def main() -> int:
    """Run the service until it is told to stop; return the exit status."""
    return serve("ingest", assemble)
