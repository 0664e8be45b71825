"""Keep a part running: start it again when it has ended, after a pause that grows while it keeps ending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.launcher.processes import restarts
from services.launcher.processes.backoff import Backoff
from services.launcher.processes.restarts import Restarts
from services.launcher.servers import Part
from services.launcher.terminal import Terminal
from shared.errors import ConfigError
from shared.trouble import Trouble


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
    report: Callable[[Sequence[Trouble]], None] = lambda _troubles: None,
) -> None:
    """Restart a running part for ever; `serves` is called each time it was started again.

    What operators are told is handed to `report`: that it keeps ending, and nothing once it runs steadily.
    Raises ConfigError where `give_up` says that its exit status needs a person.
    """
    backoff, ended = Backoff(), Restarts()
    started = time.monotonic()
    report(())
    while True:
        ended, status = await _wait(part, started, ended, report)
        words = part.last_words()
        if give_up(status):
            raise ConfigError(f"{part.name} {how_it_ended(status)}: {words}")
        lived = time.monotonic() - started
        pause, backoff = backoff.after(lived, healthy_s)
        told = f"{how_it_ended(status)}; starting it again in {pause:.0f} s"
        terminal.say(part.name, f"{told}: {words}" if words else told, alarm=True)
        now = datetime.now(UTC)
        ended = ended.after(lived, f"{how_it_ended(status)}: {words}" if words else how_it_ended(status), now)
        report(ended.troubles(part.name, now))
        await asyncio.sleep(pause)
        started = time.monotonic()
        try:
            await part.start()
        except Exception as error:  # whatever it is, the others must run on and this is tried again
            terminal.say(part.name, f"could not be started: {type(error).__name__}: {error}", alarm=True)
            continue
        terminal.say(part.name, "started again")
        serves()


async def _wait(
    part: Part, started: float, ended: Restarts, report: Callable[[Sequence[Trouble]], None]
) -> tuple[Restarts, int]:
    """Wait until it ends; say when it has been up for so long that it counts as running steadily."""
    ending = asyncio.ensure_future(part.wait())
    try:
        if ended.ends:
            steady = started + restarts.STEADY_S - time.monotonic()
            if not (await asyncio.wait({ending}, timeout=max(0.0, steady)))[0]:
                ended = Restarts()
                report(())
        return ended, await ending
    finally:
        ending.cancel()
