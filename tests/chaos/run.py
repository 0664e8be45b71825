"""`make chaos KILLS=n SEED=s`: kill everything, again and again, and count the alerts.

As many attacks with known answers as there are kills trickle into a feed while each service,
the supervisor, Kafka and PostgreSQL are killed with SIGKILL, half at random moments, half at
the worst ones. At the end every attack must have reached the mail sink and the webhook sink.
The last line is one JSON object; the exit status is 0 only if nothing was lost or repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from services.launcher.demo.post import Mail
from services.launcher.demo.sinks import SmtpSink, WebhookSink
from tests.chaos.attacks import make_attack, towns
from tests.chaos.count import Tally, tally
from tests.chaos.feed import Feed
from tests.chaos.kills import Kill, plan_kills
from tests.chaos.stack import Stack
from tests.waiting import wait_until

POINT_WITHIN_S = 40.0
SETTLE_WITHIN_S = 240.0

SUBSCRIPTIONS = """\
channels:
  duty-mail: {kind: email, to: duty@hospital.example}
  siem: {kind: webhook}
subscriptions:
  - name: everything
    channels: [duty-mail, siem]
    minimum_level: 1
    hourly_limit: 1000
"""


@dataclass
class Chaos:
    """One run: the stack, what goes in, what comes out."""

    seed: int
    folder: Path
    out: TextIO = sys.stderr
    feed: Feed = field(default_factory=Feed)
    mail: SmtpSink = field(default_factory=SmtpSink)
    hook: WebhookSink = field(default_factory=WebhookSink)
    kill_on_data: bool = False
    kills: int = 0
    unreached: int = 0

    async def run(self, kills: int) -> Tally:
        """Make `kills` kills, one attack beside each, then wait for what is expected."""
        names = towns(self.seed)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.feed.serving())
            self.mail.on_data = self._on_data
            await self.mail.start()
            stack.push_async_callback(self.mail.stop)
            await self.hook.start()
            stack.push_async_callback(self.hook.stop)
            self.stack = Stack(self.folder, self._environment())
            self._configure()
            await self.stack.up()
            stack.push_async_callback(self.stack.down)
            # What a feed holds at first contact is a backlog; news is what comes after it.
            await asyncio.sleep(2.5)
            began = time.monotonic()
            for number, kill in enumerate(plan_kills(kills, self.seed)):
                self.feed.add(make_attack(number, names))
                await self._kill(kill)
                if (number + 1) % 10 == 0 or number + 1 == kills:
                    self._say(number + 1, kills, time.monotonic() - began)
            self.stack.crash_file.unlink(missing_ok=True)
            try:
                await wait_until(lambda: not self._tally().lost, within=SETTLE_WITHIN_S, every=0.5)
                await asyncio.sleep(5.0)  # time enough for a repeat that nobody waits for
            except AssertionError:
                self._write(f"still missing after {SETTLE_WITHIN_S:.0f} s")
        return self._tally()

    def _tally(self) -> Tally:
        return tally(self.feed.attacks, self.mail.messages, self.hook.messages)

    async def _kill(self, kill: Kill) -> None:
        if kill.point:
            await self._kill_at(kill.point)
            return
        await asyncio.sleep(kill.after_s)
        if kill.target in {"supervisor", "everything"}:
            await (self.stack.kill_supervisor() if kill.target == "supervisor" else self.stack.kill_everything())
            self.kills += 1
            await self.stack.up()
            return
        await wait_until(lambda: self.stack.kill(kill.target), within=60, what=f"{kill.target} to run, to kill it")
        self.kills += 1

    async def _kill_at(self, point: str) -> None:
        """Arm a worst point and wait until somebody died there; the attack just published leads there."""
        if point == "smtp-after-data":
            self.kill_on_data = True
            reached = await self._within(lambda: not self.kill_on_data)
            self.kill_on_data = False
        else:
            self.stack.crash_file.write_text(point, "utf-8")
            reached = await self._within(lambda: not self.stack.crash_file.exists())
            self.stack.crash_file.unlink(missing_ok=True)
        if reached:
            self.kills += 1
        else:
            self.unreached += 1

    async def _within(self, condition: Callable[[], bool]) -> bool:
        try:
            await wait_until(condition, within=POINT_WITHIN_S)
        except AssertionError:
            return False
        return True

    async def _on_data(self, _mail: Mail) -> None:
        """Kill the notifier after DATA and before our answer: it cannot know that we have the mail."""
        if self.kill_on_data and self.stack.kill("notifier"):
            self.kill_on_data = False
            await asyncio.sleep(0.2)

    def _environment(self) -> dict[str, str]:
        return {
            "CODEGREY_SMTP_HOST": "127.0.0.1",
            "CODEGREY_SMTP_PORT": str(self.mail.port),
            "CODEGREY_SMTP_SECURITY": "none",
            "CODEGREY_SMTP_FROM": "codegrey@hospital.example",
            "CODEGREY_CHANNEL_SIEM": f"json://127.0.0.1:{self.hook.port}/hook",
            "CODEGREY_PRIVATE_FEEDS": "127.0.0.0/8",
        }

    def _configure(self) -> None:
        self.stack.config.mkdir(parents=True)
        feeds = (
            f"feeds:\n  - {{url: {self.feed.url}, name: Chaos News, interval: 1s, language: en, allow_private: true}}\n"
        )
        (self.stack.config / "feeds.yaml").write_text(feeds, "utf-8")
        (self.stack.config / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")

    def _say(self, done: int, kills: int, took: float) -> None:
        now = self._tally()
        self._write(
            f"{done}/{kills} kills in {took:.0f} s; alerts {now.delivered}/{now.expected}, "
            f"repeats marked {now.marked_repeats}, unmarked {now.repeated}"
        )

    def _write(self, line: str) -> None:
        self.out.write(line + "\n")
        self.out.flush()


async def main(kills: int, seed: int, keep: bool) -> int:
    """Run and print the figures."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-chaos-"))
    chaos = Chaos(seed, folder)
    chaos._write(f"seed {seed} (repeat this run with SEED={seed})")
    try:
        result = await chaos.run(kills)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    figures = {"kills": chaos.kills, "unreached_points": chaos.unreached, **asdict(result), "seed": seed}
    print(json.dumps(figures))
    return 0 if not result.lost and not result.repeated else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the data folder for looking at")
    options = parser.parse_args()
    chosen = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    sys.exit(asyncio.run(main(options.kills, chosen, options.keep)))
