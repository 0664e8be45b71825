"""Keep subscriptions with hubs: ask, renew, and say farewell. Polling goes on whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Any

from services.ingest.fetching.fetch import Wishes
from services.ingest.hub.rules import State, Subscription
from services.ingest.hub.store import claim_asks, note_ask
from services.ingest.poll import Tools
from services.ingest.sources.feeds_file import FeedsFile
from services.ingest.store import read_feed_config
from shared.errors import Transient
from shared.log import get_logger

log = get_logger()
LOOK_EVERY_S = 20.0
ASK_WITHIN_S = 20.0


async def keep_subscriptions(file: Callable[[], FeedsFile | None], tools: Tools) -> None:
    """Look for hubs to ask until cancelled; nothing is done before the configuration was read."""
    while True:
        if (configured := file()) is not None:
            base = configured.push.callback if configured.push else None
            try:
                await ask_hubs(base, tools)
            except Transient as fault:
                log.debug("hubs wait for the database", fault=str(fault))
        await asyncio.sleep(LOOK_EVERY_S)


async def ask_hubs(base: str | None, tools: Tools) -> int:
    """Ask the hubs that are due, with `base` as our public address; return how many they were.

    Without one nothing is asked for, and what was is given up.
    """
    claimed = await claim_asks(tools.engine, base, lambda: token_urlsafe(32))
    await asyncio.gather(*(_ask(subscription, config, tools) for subscription, config in claimed))
    return len(claimed)


async def _ask(subscription: Subscription, stored: Mapping[str, Any], tools: Tools) -> None:
    """Post one request; the hub's consent comes by itself, at the callback."""
    config = read_feed_config(subscription.feed_url, stored)
    wishes = Wishes(proxy=config.proxy, within_s=ASK_WITHIN_S)
    answer = await tools.fetcher(config).post(subscription.hub, subscription.form(), wishes)
    taken = answer.status is not None and 200 <= answer.status < 300
    error = None if taken else (answer.error or f"the hub answered {answer.status}")
    await note_ask(tools.engine, subscription.token, error)
    leaving = subscription.state is State.LEAVING
    log.info("hub asked", feed=config.label, hub=subscription.hub, leaving=leaving, fault=error)
