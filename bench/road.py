"""`make bench-road`: items a second through the classifier's consumer, and seconds from item to message.

Throughput: the same topic is read by a bare aiokafka loop (getmany, a commit for each batch) and by the
classifier's own consumer, each in a fresh process, in turn; the ratio is of medians. Most of a bare loop's time goes
into waiting for commits, so that the size of its batches decides how fast it is: it runs with batches as large as
ours, which the ratio is taken from, and with 500. Latency: a whole
`codegrey up`, candidates published at 10 and at 100 a second, timed until each is at the mail sink and
at the webhook sink. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.items import candidate, message, mixture
from services.launcher.demo.post import Mail
from services.launcher.demo.sinks import SmtpSink, WebhookSink
from services.launcher.kafka.server import KafkaServer
from services.launcher.topics import create_topics, reset_topics
from shared.kafka import producer
from shared.publish import publish_all
from shared.settings import Settings
from tests.chaos.attacks import make_attack, towns
from tests.chaos.stack import Stack
from tests.waiting import wait_until

PASSWORD = "only-for-this-run"  # the servers live as long as this command
ROUNDS = 3
SHARES = (0.0, 0.01)
RATES = ((10, 150), (100, 700))
"""(candidates a second, how many): together under the hourly limit of the subscription."""

SUBSCRIPTIONS = """\
channels:
  duty-mail: {kind: email, to: duty@hospital.example}
  siem: {kind: webhook}
subscriptions:
  - {name: everything, channels: [duty-mail, siem], minimum_level: 1, hourly_limit: 1000}
"""


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")


async def throughput(folder: Path, items: int) -> dict[str, Any]:
    """Measure both consumers over the same records, in turn."""
    server = KafkaServer(folder, password=PASSWORD)
    await server.start()
    environment = {
        "CODEGREY_KAFKA_BOOTSTRAP": server.bootstrap,
        "CODEGREY_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "CODEGREY_KAFKA_USERNAME": "codegrey",
        "CODEGREY_KAFKA_PASSWORD": PASSWORD,
    }
    os.environ.update(environment)
    figures: dict[str, Any] = {}
    try:
        settings = Settings()
        await create_topics(settings)
        names = towns(1)
        for share in SHARES:
            await reset_topics(settings)
            say(f"publishing {items} items, {share:.0%} candidates")
            async with producer(settings) as sender:
                batch = []
                for item in mixture(items, share, names, seed=7):
                    batch.append(message(item))
                    if len(batch) == 2_000:
                        await publish_all(sender, batch)
                        batch = []
                await publish_all(sender, batch)
            rates: dict[str, list[float]] = {"bare": [], "bare-500": [], "classifier": []}
            for turn in range(ROUNDS):
                for kind in rates:
                    result = await consume(kind, items)
                    rates[kind].append(result["records"] / result["seconds"])
                    say(f"  round {turn + 1}: {kind:<10} {rates[kind][-1]:>9,.0f} items/s")
            medians = {kind: statistics.median(values) for kind, values in rates.items()}
            ratio = medians["classifier"] / medians["bare"]
            small = medians["classifier"] / medians["bare-500"]
            say(f"  classifier at {share:.0%} candidates: {ratio:.2f} of the bare loop, {small:.2f} of one with 500")
            figures[f"{share:.0%}"] = {
                "bare_per_s": round(medians["bare"]),
                "classifier_per_s": round(medians["classifier"]),
                "ratio": round(ratio, 3),
                "bare_500_per_s": round(medians["bare-500"]),
                "ratio_to_500": round(small, 3),
            }
    finally:
        for name in environment:
            os.environ.pop(name, None)
        await server.stop()
    return figures


async def consume(kind: str, items: int) -> dict[str, float]:
    """Run one consumer in a fresh process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.consumer", kind, str(items), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"bench.consumer {kind} failed")
    result: dict[str, float] = json.loads(output)
    return result


async def latency(folder: Path) -> dict[str, Any]:
    """Measure from publishing a candidate to its message at each sink."""
    mail, hook = SmtpSink(), WebhookSink()
    arrivals: dict[str, list[tuple[float, Any]]] = {"mail": [], "webhook": []}
    names = towns(2)
    # What came is only put down here and read afterwards: measuring must not take the time that it measures.
    mail.on_data = lambda one: arrivals["mail"].append((time.monotonic(), one))
    hook.on_data = lambda one: arrivals["webhook"].append((time.monotonic(), one))
    await mail.start()
    await hook.start()
    stack = Stack(
        folder,
        {
            "CODEGREY_SMTP_HOST": "127.0.0.1",
            "CODEGREY_SMTP_PORT": str(mail.port),
            "CODEGREY_SMTP_SECURITY": "none",
            "CODEGREY_SMTP_FROM": "codegrey@hospital.example",
            "CODEGREY_CHANNEL_SIEM": f"json://127.0.0.1:{hook.port}/hook",
        },
    )
    stack.config.mkdir(parents=True)
    (stack.config / "feeds.yaml").write_text("feeds: []\n", "utf-8")
    (stack.config / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")
    figures: dict[str, Any] = {}
    await stack.up()
    try:
        number = 0
        async with producer(stack.settings()) as sender:
            warm = make_attack(len(names) - 1, names)
            await publish_all(sender, [message(candidate(warm, "warm"))])
            await wait_until(lambda: all(arrivals.values()), within=60)
            for rate, count in RATES:
                sent: dict[str, float] = {}
                for came in arrivals.values():
                    came.clear()
                began = time.monotonic()
                waiting = []
                for turn in range(count):
                    await asyncio.sleep(max(0.0, began + turn / rate - time.monotonic()))
                    attack = make_attack(number, names)
                    number += 1
                    sent[attack.town] = time.monotonic()
                    waiting.append(asyncio.create_task(publish_all(sender, [message(candidate(attack, "rate"))])))
                await asyncio.gather(*waiting)
                for came in arrivals.values():
                    await wait_until(lambda came=came, count=count: len(came) >= count, within=180)
                for name, came in arrivals.items():
                    seen: dict[str, float] = {}
                    for at, one in came:
                        seen.setdefault(_town(one.subject if isinstance(one, Mail) else one.title), at)
                    took = sorted(seen[town] - at for town, at in sent.items())
                    p50, p99 = statistics.median(took), took[min(len(took) - 1, round(0.99 * len(took)))]
                    figures.setdefault(f"{rate}/s", {})[name] = {"p50_s": round(p50, 3), "p99_s": round(p99, 3)}
                    say(f"at {rate:>3}/s, to the {name:<7}: median {p50:.3f} s, p99 {p99:.3f} s ({len(took)} messages)")
    finally:
        await stack.down()
        await mail.stop()
        await hook.stop()
    return figures


def _town(text: str) -> str:
    before, found, _ = text.partition(" General Hospital")
    return before.split()[-1] if found else ""


async def main(items: int) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-bench-"))
    try:
        through = await throughput(folder / "throughput", items)
        late = await latency(folder / "latency")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    worst = {
        key: max(figures[key] for at_rate in late.values() for figures in at_rate.values())
        for key in ("p50_s", "p99_s")
    }
    print(
        json.dumps(
            {
                "ratio_to_bare_loop": through["0%"]["ratio"],
                "ratio_to_bare_loop_1pct": through["1%"]["ratio"],
                **worst,
                "throughput": through,
                "latency": late,
                "items": items,
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=60_000)
    asyncio.run(main(parser.parse_args().items))
