"""`make footprint`: memory by process, CPU and disk a day of a whole `codegrey up` that reads 300 feeds.

The feeds are served on loopback (a tenth of 150 KB, three tenths of 40 KB, the rest of 10 KB). First contact stores
and publishes what is recent: from it come bytes and CPU seconds an item. A quiet time follows: from it come
memory and the CPU that everything takes while nothing happens. A day is then the sum for so many items and polls as
the arguments say. The last line is one JSON object. Memory is PSS: pages that processes share are counted once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from services.launcher.diagnose.status import count_topics
from shared.topics import NEWS
from tests.chaos.stack import SERVERS, SERVICES, Stack

INTERVAL_S = 900
NEWS_DAYS = 30
"""So long does the topic of news keep them; the database keeps a year."""
SUBSCRIPTIONS = "channels: {}\nsubscriptions: []\n"


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")


def families(stack: Stack) -> dict[str, list[psutil.Process]]:
    """Return each part's process with all that it started."""
    found = {}
    for name in ("supervisor", *SERVICES, *SERVERS):
        pid = stack.pid(name)
        if pid is None:
            raise SystemExit(f"{name} does not run; see {stack.log}")
        one = psutil.Process(pid)
        # The supervisor's children are the other parts; only its guard is its own.
        children = one.children(recursive=name != "supervisor")
        if name == "supervisor":
            others = {stack.pid(part) for part in (*SERVICES, *SERVERS)}
            children = [child for child in children if child.pid not in others]
        found[name] = [one, *children]
    return found


def memory_mb(stack: Stack) -> dict[str, float]:
    """Return each part's share of memory in MB."""
    return {
        name: round(sum(one.memory_full_info().pss for one in family if one.is_running()) / 1e6, 1)
        for name, family in families(stack).items()
    }


def cpu_s(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds that each part has taken since it started, with children that have ended."""
    taken = {}
    for name, family in families(stack).items():
        taken[name] = 0.0
        for one in family:
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            taken[name] += times.user + times.system
        ended = family[0].cpu_times()
        taken[name] += ended.children_user + ended.children_system
    return taken


def disk_bytes(stack: Stack) -> dict[str, int]:
    """Count what stands on disk: PostgreSQL's data, its write-ahead log (which is reused), Kafka's topics, the rest."""
    folders = {stack.data}
    elsewhere = stack.data / "postgres.json"
    if elsewhere.exists():  # As root, PostgreSQL's folder stands in another place.
        folders |= {Path(value) for value in json.loads(elsewhere.read_text("utf-8")).values() if _folder(value)}
    taken = {"database": 0, "write_ahead_log": 0, "topics": 0, "other": 0}
    for path in (path for folder in folders for path in folder.rglob("*")):
        parts = set(path.parts)
        kind = "write_ahead_log" if "pg_wal" in parts else "database" if "base" in parts else "other"
        kind = "topics" if "kafka" in parts else kind
        with suppress(FileNotFoundError):  # The servers rename and delete meanwhile.
            taken[kind] += path.lstat().st_blocks * 512
    return taken


def _folder(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and Path(value).is_dir()


def minus(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return what was added, by part."""
    return {name: round(after[name] - before.get(name, 0.0), 2) for name in after}


async def measure(feeds: int, items_a_day: int, quiet_s: float) -> dict[str, Any]:
    """Start everything, let it read every feed, then let it rest."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-footprint-"))
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ingest_server", str(feeds), stdout=asyncio.subprocess.PIPE
    )
    stack = Stack(folder, {"CODEGREY_CANARY_EVERY_S": "60", "CODEGREY_PRIVATE_FEEDS": "127.0.0.0/8"})
    try:
        assert publisher.stdout is not None
        port = int(await publisher.stdout.readline())
        stack.config.mkdir(parents=True)
        (stack.config / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")
        (stack.config / "feeds.yaml").write_text("feeds: []\n", "utf-8")
        say("starting")
        await stack.up()
        disk_before, cpu_before = disk_bytes(stack), cpu_s(stack)
        lines = [
            f"  - {{url: 'http://127.0.0.1:{port}/{number}.xml', interval: {INTERVAL_S}}}" for number in range(feeds)
        ]
        (stack.config / "feeds.yaml").write_text("\n".join(["feeds:", *lines, ""]), "utf-8")
        say(f"first contact with {feeds} feeds")
        items = await _settled(stack)
        cpu_read = minus(cpu_s(stack), cpu_before)
        peak = memory_mb(stack)
        grown = minus(disk_bytes(stack), disk_before)
        say(f"{items} items; resting for {quiet_s:.0f} s")
        cpu_before, began = cpu_s(stack), time.monotonic()
        await asyncio.sleep(quiet_s)
        idle = {name: taken / (time.monotonic() - began) for name, taken in minus(cpu_s(stack), cpu_before).items()}
        memory = memory_mb(stack)
        await stack.down()
    finally:
        publisher.kill()
        await publisher.wait()
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)
    per_item = sum(cpu_read.values()) / items
    return {
        "feeds": feeds,
        "memory_mb": {**memory, "all": round(sum(memory.values()), 1)},
        "memory_after_first_contact_mb": round(sum(peak.values()), 1),
        "idle_cpu_percent_of_a_core": round(100 * sum(idle.values()), 1),
        "cpu_ms_an_item": round(1000 * per_item, 2),
        "cpu_percent_of_a_core_on_such_a_day": round(100 * (sum(idle.values()) + per_item * items_a_day / 86_400), 1),
        "disk_new_mb": round(sum(disk_before.values()) / 1e6, 1),
        "database_bytes_an_item": round(grown["database"] / items),
        "topic_bytes_an_item": round(grown["topics"] / items),
        "items_a_day": items_a_day,
        "database_mb_a_day": round(grown["database"] / items * items_a_day / 1e6, 1),
        "topics_mb_a_day": round(grown["topics"] / items * items_a_day / 1e6, 1),
        "disk_gb_after_a_year": round(
            (365 * grown["database"] + NEWS_DAYS * grown["topics"]) / items * items_a_day / 1e9, 2
        ),
        "items_measured": items,
    }


async def _settled(stack: Stack) -> int:
    """Wait until the topic of news has not grown for some seconds; return how many items it holds."""
    seen = (-1, time.monotonic())

    async def still() -> bool:
        nonlocal seen
        count = next(one.messages for one in await count_topics(stack.settings()) if one.topic == NEWS)
        if count != seen[0]:
            seen = (count, time.monotonic())
        return count > 0 and time.monotonic() - seen[1] > 8

    for _ in range(900):
        if await still():
            return seen[0]
        await asyncio.sleep(1)
    raise SystemExit("the topic of news still grows after a quarter of an hour")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=300)
    parser.add_argument("--items-a-day", type=int, default=6_000, help="20 for each of 300 feeds")
    parser.add_argument("--quiet-seconds", type=float, default=120.0)
    given = parser.parse_args()
    found = asyncio.run(measure(given.feeds, given.items_a_day, given.quiet_seconds))
    for name, megabytes in found["memory_mb"].items():
        say(f"{name:<12}{megabytes:>8.1f} MB")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
