"""The tracker: merges reports into incidents, publishes a new version whenever something changes."""

from __future__ import annotations

import asyncio
import gc

from services.tracker.handle import handler
from services.tracker.names import read_name
from services.tracker.purge import bites
from services.tracker.tables import outbox
from shared.consume import Consumption
from shared.events import Report
from shared.outbox import Relay
from shared.purge import Purger
from shared.service import Runtime, serve
from shared.topics import REPORTS

CONSUMPTION = Consumption(group="codegrey-tracker", topic=REPORTS, event=Report, max_records=100)


def warm() -> None:
    """Load what the first report needs, and take all that lives as long as the process out of garbage collection.

    A full collection over every module's objects stopped the tracker for a quarter of a second at a time.
    """
    read_name("warm")
    gc.collect()
    gc.freeze()


async def assemble(runtime: Runtime) -> None:
    """Consume reports; publish alerts from the outbox."""
    warm()
    wake = asyncio.Event()
    runtime.relay(Relay("tracker", outbox, runtime.engine, runtime.producer, wake))
    runtime.background("purge", Purger("tracker", runtime.engine, bites(runtime.settings)).run)
    runtime.consume(CONSUMPTION, handler(runtime.engine, wake))


def main() -> int:
    """Run the tracker until it is stopped."""
    return serve("tracker", assemble)
