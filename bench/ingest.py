"""`make bench-ingest`: feeds a second on a local server, beside `reader` and a plain loop, in one run.

2,000 feeds (a tenth of 150 KB, three tenths of 40 KB, the rest of 10 KB; RSS and Atom): a first poll, a steady one
whose answers are all 304, and one in which a twentieth has changed, at no delay and at 100 ms of server delay. At
the delay the slow contenders poll a part of the feeds. CPU counts every process of a contender, PostgreSQL's too.
Beside it `codegrey feeds check` and a plain loop over feedparser, on small odd feeds (`bench.ingest_check`).
The last line is one JSON object; `ratios` are our paces divided by the others', by wall and (`cpu`) by processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

from bench.ingest_check import measure
from services.launcher.postgres.server import PostgresServer
from shared.database import migrate, open_engine
from shared.settings import Settings

DELAY_S = 0.1
CHECKED = 2_242
PHASES = (("first", 1), ("steady", 1), ("changed", 2))


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")


@dataclass
class Contender:
    """A process that polls when told to, and those that work for it."""

    name: str
    process: asyncio.subprocess.Process
    beside: int | None = None

    async def ready(self) -> dict[str, float]:
        """Wait until it has loaded what it polls with and knows its feeds: that is no part of a poll."""
        assert self.process.stdout is not None
        if not await self.process.stdout.readline():
            raise SystemExit(f"{self.name} ended before its start")
        return self._cpu()

    async def poll(self) -> dict[str, Any]:
        """Let it poll its feeds once; measure pace, CPU and memory."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = self._cpu()
        self.process.stdin.write(b"poll\n")
        answer = asyncio.create_task(self.process.stdout.readline())
        peak = 0.0
        while not answer.done():
            await asyncio.wait({answer}, timeout=0.2)
            peak = max(peak, self._memory())
        if not answer.result():
            raise SystemExit(f"{self.name} ended early")
        said = json.loads(answer.result())
        if said.get("error"):
            say(f"    {self.name}: {said['error']}")
        after = self._cpu()
        spent = {kind: round(seconds - before.get(kind, 0.0), 2) for kind, seconds in after.items()}
        return {
            "feeds_per_s": round(said["feeds"] / said["seconds"], 1),
            "seconds": round(said["seconds"], 2),
            "feeds": said["feeds"],
            "new": said["new"],
            "cpu_s": round(sum(spent.values()), 2),
            "cpu_by": spent,
            "memory_mb": round(peak / 1e6),
        }

    def _family(self) -> list[tuple[str, psutil.Process]]:
        """Return the processes that work for it, each with the part that it plays."""
        found: list[tuple[str, psutil.Process]] = []
        for pid, kind, below in ((self.process.pid, "main", "parsers"), (self.beside, "database", "database")):
            if pid is not None and psutil.pid_exists(pid):
                root = psutil.Process(pid)
                found += [(kind, root), *((below, child) for child in root.children(recursive=True))]
        return found

    def _cpu(self) -> dict[str, float]:
        """Return the seconds used so far, by part."""
        total: dict[str, float] = {}
        for kind, one in self._family():
            try:
                times = one.cpu_times()
            except psutil.Error:
                continue
            # What a process's children used is counted where they ended and are no longer seen themselves.
            used = times.user + times.system + times.children_user + times.children_system
            total[kind] = total.get(kind, 0.0) + used
        return total

    def _memory(self) -> float:
        total = 0.0
        for _, one in self._family():
            try:
                # Shared pages of PostgreSQL's processes would count many times over.
                total += one.memory_full_info().uss
            except psutil.Error:
                continue
        return total

    async def end(self) -> None:
        """Let it finish."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start(name: str, python: str, folder: Path, base: str, count: int, environment: dict[str, str]) -> Contender:
    """Start one contender, with `count` feeds, in a fresh process."""
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        f"bench.ingest_{name}",
        str(folder),
        base,
        str(count),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    return Contender(name, process)


async def run(name: str, python: str, folder: Path, port: int, counts: dict[float, int]) -> dict[str, Any]:
    """Put one contender through every phase, at no delay and at the delay, each time from nothing."""
    base = f"http://127.0.0.1:{port}"
    figures: dict[str, Any] = {}
    for delay, count in counts.items():
        if not count:
            continue
        here = folder / f"{name}-{delay}"
        here.mkdir()
        environment: dict[str, str] = {}
        server = PostgresServer(here) if name == "ours" else None
        try:
            if server is not None:
                await server.start()
                environment = await _prepare(server, here)
            contender = await start(name, python, here, base, count, environment)
            if server is not None:
                contender.beside = server.pid
            started = await contender.ready()
            figures[f"start at {delay * 1000:.0f} ms"] = {"cpu_s": round(sum(started.values()), 2)}
            for phase, edition in PHASES:
                await asyncio.to_thread(_control, base, delay, edition)
                found = await contender.poll()
                figures[f"{phase} at {delay * 1000:.0f} ms"] = found
                say(
                    f"  {name:<7}{phase:<8} {delay * 1000:>4.0f} ms {found['feeds_per_s']:>9,.1f} feeds/s"
                    f"  cpu {found['cpu_s']:>6.1f} s  {found['memory_mb']:>5} MB  {found['new']:>7} new"
                    f"  {'  '.join(f'{part} {used:.1f} s' for part, used in found['cpu_by'].items())}"
                )
            await contender.end()
        finally:
            if server is not None:
                await server.remove()
    return figures


async def _prepare(server: PostgresServer, folder: Path) -> dict[str, str]:
    config = folder / "config"
    config.mkdir()
    (config / "feeds.yaml").write_text("feeds: []\n", "utf-8")
    environment = {
        "CODEGREY_DATABASE_URL": server.url(),
        "CODEGREY_CONFIG": str(config),
        "CODEGREY_PAUSE_FILE": str(folder / "pause"),
    }
    engine = open_engine(Settings(database_url=server.url("codegrey")))
    await migrate(engine)
    await engine.dispose()
    return environment


def _control(base: str, delay: float, edition: int) -> None:
    urlopen(f"{base}/control?delay={delay}&edition={edition}", timeout=10).close()


async def main() -> None:
    """Run every contender and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=2_000)
    parser.add_argument(
        "--reader-python",
        default=sys.executable,
        help="a Python that has `reader` installed (and `sgmllib3k`, which what it carries of feedparser imports)",
    )
    parser.add_argument("--only", default="ours,loop,reader")
    parser.add_argument("--no-delay-only", action="store_true")
    parser.add_argument("--no-check", action="store_true", help="leave `feeds check` out")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="codegrey-bench-"))
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ingest_server", str(options.feeds), stdout=asyncio.subprocess.PIPE
    )
    figures: dict[str, Any] = {"feeds": options.feeds}
    try:
        assert publisher.stdout is not None
        port = int(await publisher.stdout.readline())
        # At the delay the loop manages ten a second: a part of the feeds tells its pace.
        delayed = {"ours": options.feeds, "loop": min(100, options.feeds), "reader": min(400, options.feeds)}
        for name in options.only.split(","):
            python = options.reader_python if name == "reader" else sys.executable
            if name == "reader" and not await _has_reader(python):
                say("  reader does not start here (--reader-python PATH names a Python that has it, and sgmllib3k)")
                continue
            counts = {0.0: options.feeds} | ({} if options.no_delay_only else {DELAY_S: delayed[name]})
            figures[name] = await run(name, python, folder, port, counts)
    finally:
        publisher.kill()
        await publisher.wait()
        shutil.rmtree(folder, ignore_errors=True)
    figures["ratios"] = ratios(figures)
    if not options.no_check:
        say("  feeds check beside a plain loop over feedparser")
        figures["feeds_check"] = await asyncio.to_thread(measure, CHECKED, 3)
        figures["ratios"]["feeds check to loop"] = figures["feeds_check"]["ratio"]
    sys.stdout.write(json.dumps(figures) + "\n")


def ratios(figures: dict[str, Any]) -> dict[str, Any]:
    """Divide our pace by each other contender's, in each phase."""
    found: dict[str, Any] = {}
    ours = figures.get("ours", {})
    for name in ("loop", "reader"):
        for phase, other in figures.get(name, {}).items():
            if phase not in ours or "feeds_per_s" not in other:
                continue
            mine = ours[phase]
            found[f"{phase} to {name}"] = round(mine["feeds_per_s"] / other["feeds_per_s"], 2)
            cpu = (other["cpu_s"] / other["feeds"]) / max(mine["cpu_s"] / mine["feeds"], 1e-9)
            found[f"{phase} to {name}, cpu"] = round(cpu, 2)
    return found


async def _has_reader(python: str) -> bool:
    # Its parser is loaded when it is first needed; a module that lacks would show in the middle of a run.
    tried = "import reader; reader.make_reader(':memory:').add_feed('http://127.0.0.1/')"
    try:
        process = await asyncio.create_subprocess_exec(python, "-c", tried, stderr=asyncio.subprocess.DEVNULL)
    except OSError:
        return False
    return await process.wait() == 0


if __name__ == "__main__":
    asyncio.run(main())
