"""Run the demo's surroundings: feeds to read, and sinks for what is sent, all on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.launcher.demo.configuration import environment, write_configuration
from services.launcher.demo.feeds import Clock, Publisher, utc_now
from services.launcher.demo.memory import Memory, only_one
from services.launcher.demo.sinks import Say, SmtpSink, WebhookSink
from services.launcher.demo.site import site
from services.launcher.demo.web import WebServer
from services.launcher.terminal import Terminal

FOLDER = "demo"
"""The one folder inside the data folder that holds everything of the demo's own."""


@dataclass(frozen=True)
class DemoEndpoints:
    """Where the demo is: `lines` are for the terminal, the rest is for the services."""

    config: Path
    environment: dict[str, str]
    lines: tuple[str, ...]
    address: str
    mails: SmtpSink
    calls: WebhookSink


@asynccontextmanager
async def running_demo(data: Path, *, say: Say | None = None, now: Clock = utc_now) -> AsyncIterator[DemoEndpoints]:
    """Run feeds and sinks while inside. Everything is kept in `data`/demo; starting again repeats nothing.

    Ports, dates and secrets are those of the first start. A port that somebody else has taken
    since is stepped around; the feeds then stand at other addresses and are read anew.
    """
    say = say or partial(Terminal().say, "demo")
    folder = data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.enter_context(only_one(folder))
        memory = Memory(folder)
        again = memory.started is not None
        listeners = {name: memory.listener(name) for name in ("site", "smtp", "webhooks")}
        memory.save()
        address = f"http://127.0.0.1:{memory.ports['site']}"
        mails = SmtpSink(folder / "mail", say=say, link=lambda number: f"{address}/mail/{number}")
        calls = WebhookSink(folder / "chat", token=memory.token, say=say)
        web = WebServer(site(Publisher(memory, now), mails.shelf, calls.shelf), listeners["site"])
        stack.push_async_callback(web.stop)
        await web.start()
        stack.push_async_callback(mails.stop)
        await mails.start(listeners["smtp"])
        stack.push_async_callback(calls.stop)
        await calls.start(listeners["webhooks"])
        write_configuration(folder / "config", address)
        yield DemoEndpoints(
            config=folder / "config",
            environment=environment(mails.port, calls.port, memory.token),
            lines=_lines(address, folder, data, again=again),
            address=address,
            mails=mails,
            calls=calls,
        )


def _lines(address: str, folder: Path, data: Path, *, again: bool) -> tuple[str, ...]:
    lines = [
        f"the news to read   {address}/",
        f"mail that is sent  {address}/mail   kept in {folder / 'mail'}",
        f"chat that is sent  {address}/chat   kept in {folder / 'chat'}",
    ]
    if again:
        lines.append(f"this demo has run before and repeats nothing; to see it from the start, remove {data}")
    else:
        lines.append("what stands in the feeds already is told as one summary; new articles follow within 90 seconds")
    return tuple(lines)
