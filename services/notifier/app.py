"""Assemble the notifier: it consumes alerts, delivers, keeps its configuration fresh, and watches."""

from __future__ import annotations

import asyncio

from services.notifier.canary import PURGE, Canary, WithSink
from services.notifier.certificates import Certificates
from services.notifier.config import Subscriptions
from services.notifier.deliver import Deliverer, count_waiting
from services.notifier.handle import Handler
from services.notifier.purge import bites
from services.notifier.reload import LiveConfig
from services.notifier.restored import note_start
from services.notifier.watch import Watch
from shared.consume import Consumption
from shared.errors import Transient
from shared.events import Alert
from shared.log import get_logger
from shared.purge import Purger
from shared.service import Runtime, serve
from shared.steady import uninterrupted
from shared.topics import ALERTS

log = get_logger()

CONSUMPTION = Consumption(group="codegrey-notifier", topic=ALERTS, event=Alert)
COUNT_EVERY_S = 5.0


async def assemble(runtime: Runtime) -> None:
    """Say what runs; raises ConfigError where subscriptions.yaml cannot be read at the start."""
    config = LiveConfig(runtime.settings, runtime.engine)
    _say_who_is_told(config())
    await note_start(runtime.engine)
    wake = asyncio.Event()
    canary = Canary(runtime.engine, runtime.settings)
    deliverer = Deliverer(runtime.engine, runtime.settings, WithSink(config), wake, slot=runtime.settings.slot)
    asked = [canary.troubles, Certificates(runtime.settings, config).troubles]
    watch = Watch(runtime.engine, runtime.settings, config, wake, lambda: config.problem, ask=asked)

    async def count() -> None:
        while True:
            try:
                await uninterrupted(count_waiting(runtime.engine))
            except Transient:
                log.debug("deliveries not counted")
            await asyncio.sleep(COUNT_EVERY_S)

    runtime.consume(CONSUMPTION, Handler(runtime.engine, config, wake))
    runtime.background("deliveries", deliverer.run)
    runtime.background("subscriptions", config.run)
    runtime.background("watch", watch.run)
    runtime.background("count of deliveries", count)
    runtime.background("purge", Purger("notifier", runtime.engine, bites(runtime.settings)).run)
    runtime.background("canary", canary.run)
    runtime.background("canary purge", Purger("notifier-canary", runtime.engine, PURGE).run)
    runtime.health.checks["canary"] = canary.trouble
    runtime.health.checks["deliveries"] = deliverer.trouble


def _say_who_is_told(config: Subscriptions) -> None:
    if not config.subscriptions:
        log.warning("nobody has subscribed: alerts reach nobody", show=True)
    if config.operators is None:
        log.warning("no operators in subscriptions.yaml: nobody is told of trouble", show=True)


def main() -> int:
    """Run the notifier until it is told to stop."""
    return serve("notifier", assemble)
