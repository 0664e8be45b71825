"""`make bench-notify`: alerts a second through the notifier, from the handler to a mail and a webhook call.

The handler matches a batch and the deliverer sends it, on a real PostgreSQL, to a real mail sink and a real
webhook sink. Beside it, in the same run: a plain loop that sends the same number of mails of the same size
over SMTP and the same number of webhook calls, with as many at once and nothing written down. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import smtplib
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from services.launcher.demo.post import Mail
from services.launcher.demo.sinks import SmtpSink, WebhookSink
from services.launcher.postgres.server import PostgresServer
from services.notifier.config import Channel, Subscription, Subscriptions
from services.notifier.deliver import AT_ONCE, Deliverer
from services.notifier.handle import Handler
from shared.database import migrate, open_engine
from shared.log import configure_logging
from shared.settings import Settings
from tests.notifier.alert_samples import alert, received
from tests.waiting import wait_until

BATCH = 100
CONFIG = Subscriptions(
    channels={"duty-mail": Channel(kind="email", to=("duty@hospital.example",)), "siem": Channel(kind="webhook")},
    subscriptions=(
        Subscription(name="everything", channels=("duty-mail", "siem"), minimum_level=1, hourly_limit=100_000),
    ),
)


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")


async def ours(settings: Settings, alerts: int, mails: SmtpSink, calls: WebhookSink) -> float:
    """Match and deliver `alerts` alerts; return the seconds until the last of both sinks has all."""
    engine = open_engine(settings)
    await migrate(engine)
    wake = asyncio.Event()
    handle = Handler(engine, lambda: CONFIG, wake)
    deliverer = Deliverer(engine, settings, lambda: CONFIG, wake)
    running = asyncio.create_task(deliverer.run())
    began = time.perf_counter()
    for start in range(0, alerts, BATCH):
        numbers = range(start, min(alerts, start + BATCH))
        await handle(received(*[alert(number, created_at=datetime.now(UTC)) for number in numbers]))
    await wait_until(
        lambda: len(mails.messages) >= alerts and len(calls.messages) >= alerts, within=600, what="all messages"
    )
    took = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.dispose()
    return took


async def bare(mail: Mail, call: bytes, alerts: int, mails: SmtpSink, calls: WebhookSink) -> float:
    """Send the same in a plain loop, each mail and call on a connection of its own, as many at once."""

    def post() -> None:
        address = f"http://127.0.0.1:{calls.port}/hook"
        request = urllib.request.Request(address, data=call, headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mails.port, timeout=30) as session:
            session.sendmail(mail.sender, list(mail.recipients), mail.raw)

    room = asyncio.Semaphore(AT_ONCE)

    async def one(work: Callable[[], None]) -> None:
        async with room:
            await asyncio.to_thread(work)

    began = time.perf_counter()
    await asyncio.gather(*[one(work) for _ in range(alerts) for work in (send, post)])
    return time.perf_counter() - began


async def main(alerts: int) -> None:
    """Measure and print."""
    configure_logging("bench", "error")
    folder = Path(tempfile.mkdtemp(prefix="codegrey-bench-"))
    server = PostgresServer(folder)
    mails, calls = SmtpSink(), WebhookSink()
    await asyncio.gather(server.start(), mails.start(), calls.start())
    settings = Settings(
        database_url=SecretStr(server.url()),
        smtp_host="127.0.0.1",
        smtp_port=mails.port,
        smtp_security="none",
        smtp_from="codegrey@hospital.example",
        secrets_dir=folder,
    )
    (folder / "codegrey_channel_siem").write_text(f"json://127.0.0.1:{calls.port}/hook", "utf-8")
    try:
        took = await ours(settings, alerts, mails, calls)
        say(f"notifier: {alerts} alerts, {2 * alerts} messages in {took:.1f} s")
        plain = await bare(mails.messages[0], calls.messages[0].raw, alerts, mails, calls)
        say(f"plain loop: the same in {plain:.1f} s")
    finally:
        await asyncio.gather(server.remove(), mails.stop(), calls.stop())
        shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "alerts": alerts,
        "alerts_per_s": round(alerts / took, 1),
        "plain_loop_per_s": round(alerts / plain, 1),
        "ratio_to_plain_loop": round(plain / took, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=500)
    asyncio.run(main(parser.parse_args().alerts))
