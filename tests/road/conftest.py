"""One whole Code Grey for the tests of the road: real feed, real sinks, everything under `codegrey up`."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.launcher.demo.sinks import SmtpSink, WebhookSink
from tests.chaos.attacks import Attack
from tests.chaos.feed import Feed
from tests.chaos.stack import Stack
from tests.waiting import wait_until

SUBSCRIPTIONS = """\
channels:
  duty-mail: {kind: email, to: duty@hospital.example}
  team-chat: {kind: chat}
  ops-mail: {kind: email, to: operator@hospital.example}
subscriptions:
  - {name: duty, channels: [duty-mail, team-chat], minimum_level: 3, hourly_limit: 1000}
operators: {channels: [ops-mail]}
"""


@dataclass
class Road:
    """A feed at one end, a mailbox and a chat at the other, and the command line beside it."""

    folder: Path
    feed: Feed = field(default_factory=Feed)
    mail: SmtpSink = field(default_factory=SmtpSink)
    chat: WebhookSink = field(default_factory=WebhookSink)
    more: dict[str, str] = field(default_factory=dict)
    stack: Stack = field(init=False)

    async def build(self) -> None:
        """Start the sinks and write the configuration; the feed is served already."""
        await self.mail.start()
        await self.chat.start()
        self.stack = Stack(self.folder, self.environment())
        self.stack.config.mkdir(parents=True)
        feeds = f"feeds:\n  - {{url: {self.feed.url}, name: Road News, interval: 1s, allow_private: true}}\n"
        (self.stack.config / "feeds.yaml").write_text(feeds, "utf-8")
        (self.stack.config / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")

    def environment(self) -> dict[str, str]:
        """Return what the services are told beside their configuration."""
        return {
            "CODEGREY_SMTP_HOST": "127.0.0.1",
            "CODEGREY_SMTP_PORT": str(self.mail.port),
            "CODEGREY_SMTP_SECURITY": "none",
            "CODEGREY_SMTP_FROM": "codegrey@hospital.example",
            "CODEGREY_CHANNEL_TEAM_CHAT": f"json://127.0.0.1:{self.chat.port}/hook",
            "CODEGREY_PRIVATE_FEEDS": "127.0.0.0/8",
            **self.more,
        }

    async def first_contact(self) -> None:
        """Wait until the feed was read once: what it held then was a backlog, what comes after is news."""

        async def read() -> bool:
            feeds = (await self.ask("status"))["feeds"]
            return all(feed["last_success"] for feed in feeds)

        await wait_until(read, within=30, every=0.5, what="the first poll")

    async def alerted(self, attack: Attack) -> None:
        """Wait until both sinks have the alert on an attack; if it never comes, say what the services said."""

        def arrived() -> bool:
            mailed = any(attack.hospital in mail.subject for mail in self.mail.messages)
            return mailed and any(attack.hospital in call.title for call in self.chat.messages)

        try:
            await wait_until(arrived, within=30)
        except AssertionError as error:
            raise AssertionError(f"no alert on {attack.hospital}:\n{self.stack.tail()}") from error

    async def command(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Run `codegrey ...` as a person would in another terminal; return (output, errors)."""
        environment = {"PATH": "/usr/bin:/bin", "CODEGREY_DATA": str(self.stack.data), **self.environment()}
        environment["CODEGREY_CONFIG"] = str(self.stack.config)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.launcher.cli",
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == status, f"{arguments}: {process.returncode}\n{output.decode()}\n{errors.decode()}"
        return output.decode(), errors.decode()

    async def ask(self, *arguments: str) -> Any:
        """Run a command that prints JSON and return what it says."""
        return json.loads((await self.command(*arguments, "--json"))[0])

    async def close(self) -> None:
        """Stop everything."""
        await self.stack.down()
        await self.mail.stop()
        await self.chat.stop()


@asynccontextmanager
async def travelling(name: str, **more: str) -> AsyncIterator[Road]:
    """Build a road in a folder of its own; whatever happens inside, everything is stopped and removed."""
    folder = Path(tempfile.mkdtemp(prefix=name))
    road = Road(folder, more=more)
    try:
        async with road.feed.serving():
            await road.build()
            yield road
    except BaseException:
        sys.stderr.write(road.stack.tail())
        raise
    finally:
        await road.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def road() -> AsyncIterator[Road]:
    """Give the tests of a module one running Code Grey."""
    async with travelling("codegrey-road-") as built:
        await built.stack.up()
        # What a feed holds at first contact is a backlog; news is what comes after it.
        await built.first_contact()
        yield built
