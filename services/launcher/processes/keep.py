"""Keep a part running: start it again when it has ended, after a pause that grows while it keeps ending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services.launcher.processes.backoff import Backoff
from services.launcher.servers import Part
from services.launcher.terminal import Terminal
from shared.errors import ConfigError


def how_it_ended(status: int) -> str:
    """Return an exit status in words."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


async def keep(
    part: Part,
    terminal: Terminal,
    *,
    healthy_s: float,
    serves: Callable[[], None],
    give_up: Callable[[int], bool],
) -> None:
    """Restart a running part for ever; `serves` is called each time it was started again.

    Raises ConfigError where `give_up` says that its exit status needs a person.
    """
    backoff = Backoff()
    started = time.monotonic()
    while True:
        status = await part.wait()
        words = part.last_words()
        if give_up(status):
            raise ConfigError(f"{part.name} {how_it_ended(status)}: {words}")
        pause, backoff = backoff.after(time.monotonic() - started, healthy_s)
        ended = f"{how_it_ended(status)}; starting it again in {pause:.0f} s"
        terminal.say(part.name, f"{ended}: {words}" if words else ended, alarm=True)
        await asyncio.sleep(pause)
        started = time.monotonic()
        try:
            await part.start()
        except Exception as error:  # whatever it is, the others must run on and this is tried again
            terminal.say(part.name, f"could not be started: {type(error).__name__}: {error}", alarm=True)
            continue
        terminal.say(part.name, "started again")
        serves()
