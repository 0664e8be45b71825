"""`make bench-track`: reports a second through the tracker's handler, on a real PostgreSQL.

The handler is called as the consuming loop calls it, with 2,000 incidents known, for batches of 1, 10 and
100 reports: most open an incident, some belong to a known one, some revise or deny an earlier report. Beside
it, in the same run: the rows that it wrote, written again by bare statements in one transaction for each
batch, into a copy of the database. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.launcher.postgres.server import PostgresServer
from services.tracker.app import warm
from services.tracker.handle import handler
from shared.database import migrate
from shared.events import Report
from shared.log import configure_logging
from shared.signals import Signal
from tests.tracker.reports import received, report, victim

KNOWN = 2_000
RECENT = 30
"""Days: later reports tell of attacks of these."""
BATCHES = ((1, 100), (10, 30), (100, 12))
"""(reports in a batch, how many batches): few enough that some 2,000 incidents stay what is known."""

_NAMES = (
    ("{} General Hospital", "GB"),
    ("Centre hospitalier de {}", "FR"),
    ("Klinikum {}", "DE"),
    ("Hospital Universitario de {}", "ES"),
    ("Saint {} Medical Center", "US"),
    ("Ospedale civile di {}", "IT"),
)
_SIGNALS = (
    Signal.EMERGENCY_CLOSED,
    Signal.PAPER_MODE,
    Signal.SURGERY_CANCELLED,
    Signal.NETWORK_DOWN,
    Signal.RECORDS_DOWN,
    Signal.DATA_STOLEN,
    Signal.PATIENTS_TRANSFERRED,
)
_MIX = {"opens": 60, "merges": 24, "revises": 6, "denies": 8, "nameless": 2}
_QUOTE = "{} has been stated by the directorate of the hospital in {} since the early hours of the morning"


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")


@dataclass
class News:
    """Make reports as the classifier would, each in about two kilobytes."""

    chance: random.Random
    told: list[Report] = field(default_factory=list)
    number: int = 0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def old(self) -> Report:
        """Tell of one of the attacks of two years."""
        return self.opens(self.chance.uniform(-700, -3))

    def opens(self, day: float = -1) -> Report:
        """Tell of an attack on a hospital that nobody has heard of."""
        town = "".join(self.chance.choice("bdfgklmnprstvz") + self.chance.choice("aeiou") for _ in range(4)).title()
        name, country = self.chance.choice(_NAMES)
        one = self._make(name.format(town + "n"), country, f"Cyberattack on the hospital of {town}n", day)
        if day > -RECENT:
            self.told.append(one)
        return one

    def merges(self) -> Report:
        """Tell of a known attack in another outlet."""
        hit = self.chance.choice(self.told).facts.victims[0]
        return self._make(hit.name, hit.country, f"{hit.name}: what is known of the attack, part {self.number}")

    def revises(self) -> Report:
        """Say more in a later revision of what was told."""
        index = self.chance.randrange(len(self.told))
        old = self.told[index]
        evidence = (*old.evidence[:-1], *self._make("x", "FR", "x").evidence)
        self.told[index] = self._again(old, evidence=evidence)
        return self.told[index]

    def denies(self) -> Report:
        """Say that something was no attack."""
        one = self._make("Hospital", None, f"A drill, a product, a court: number {self.number}")
        return one.model_copy(update={"incident": False, "level": 0, "reason": "a drill"})

    def nameless(self) -> Report:
        """Tell of an attack on nobody who is named."""
        country = self.chance.choice(_NAMES)[1]
        return self._make("", country, f"A hospital was attacked, its name is not told: {self.chance.random()}")

    def batches(self, size: int, count: int) -> Iterator[list[Report]]:
        """Yield batches of the whole mixture."""
        for _ in range(count):
            yield [getattr(self, kind)() for kind in self.chance.choices(list(_MIX), list(_MIX.values()), k=size)]

    def _make(self, name: str, country: str | None, title: str, day: float = 0) -> Report:
        self.number += 1
        signals = self.chance.sample(_SIGNALS, 4)
        one = report(
            victim(name, country=country),
            *signals,
            day=day - self.chance.random(),
            entry=f"article-{self.number}",
            host=f"outlet-{self.chance.randrange(400)}.example",
            title=title,
            quote=_QUOTE.format("Something", f"{name} ({self.number})"),
            now=self.now,
        )
        aside = tuple(shown.model_copy(update={"used": False, "why": "retold"}) for shown in one.evidence[:2])
        return one.model_copy(update={"evidence": one.evidence + aside, "language": "en", "reason": "stated as fact"})

    def _again(self, old: Report, **changes: Any) -> Report:
        revision = old.revision + 1
        changed = {"revision": revision, "judged_at": old.judged_at + timedelta(minutes=1), **changes}
        return old.model_copy(update={"id": Report.make_id(old.item_id, str(revision)), **changed})


@dataclass
class Written:
    """Keep what a handler sends to the database, so that it can be sent again bare."""

    statements: list[tuple[str, Any]] = field(default_factory=list)

    def watch(self, engine: AsyncEngine) -> None:
        """Listen to the statements that write."""

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            if statement.lstrip().startswith(("INSERT", "UPDATE")):
                self.statements.append((statement, parameters if isinstance(parameters, list) else [parameters]))

    def take(self) -> list[tuple[str, Any]]:
        """Return what was written since the last time."""
        taken, self.statements = self.statements, []
        return taken


def _figures(took: Sequence[float], reports: int) -> dict[str, float]:
    ranked = sorted(took)
    return {
        "reports_per_s": round(reports / sum(took), 1),
        "batch_p50_ms": round(statistics.median(ranked) * 1_000, 1),
        "batch_p99_ms": round(ranked[min(len(ranked) - 1, round(0.99 * len(ranked)))] * 1_000, 1),
    }


async def measure(server: PostgresServer, known: int) -> dict[str, Any]:
    """Measure the handler, then the bare statements on a copy of the database."""
    engine = create_async_engine(server.url(), pool_size=2)
    await migrate(engine)
    warm()
    news = News(random.Random(5))
    handle = handler(engine, asyncio.Event())
    began = time.perf_counter()
    for _ in range(known // 100):
        await handle(received(*(news.old() for _ in range(100))))
    say(f"{known} incidents opened in {time.perf_counter() - began:.1f} s")
    await engine.dispose()
    await _copy(server)
    engine = create_async_engine(server.url(), pool_size=2)
    written = Written()
    written.watch(engine)
    handle = handler(engine, asyncio.Event())
    await handle(received(news.opens()))  # opens the connection, prepares the statements
    written.take()
    figures: dict[str, Any] = {}
    replays: dict[int, list[list[tuple[str, Any]]]] = {}
    for size, count in BATCHES:
        took, cpu = [], time.process_time()
        replays[size] = []
        for batch in news.batches(size, count):
            began = time.perf_counter()
            await handle(received(*batch))
            took.append(time.perf_counter() - began)
            replays[size].append(written.take())
        figures[str(size)] = _figures(took, size * count)
        figures[str(size)]["cpu_ms_a_report"] = round((time.process_time() - cpu) * 1_000 / (size * count), 2)
        say(f"batches of {size:>3}: {figures[str(size)]}")
    async with engine.connect() as connection:
        incidents = await connection.scalar(text("SELECT count(*) FROM tracker.incident"))
    await engine.dispose()
    for size, count in BATCHES:
        bare = _figures(await _replay(server, replays[size]), size * count)
        figures[str(size)]["bare"] = bare
        figures[str(size)]["ratio_to_bare"] = round(figures[str(size)]["reports_per_s"] / bare["reports_per_s"], 3)
        say(f"bare, batches of {size:>3}: {bare}")
    largest = figures[str(BATCHES[-1][0])]
    return {**largest, "incidents_known": incidents, "by_batch": figures}


async def _copy(server: PostgresServer) -> None:
    owner = create_async_engine(
        server.url("postgres").replace("//codegrey@", "//postgres@"), isolation_level="AUTOCOMMIT"
    )
    async with owner.connect() as connection:
        await connection.execute(text("CREATE DATABASE bare TEMPLATE codegrey OWNER codegrey"))
    await owner.dispose()


async def _replay(server: PostgresServer, batches: Sequence[Sequence[tuple[str, Any]]]) -> list[float]:
    """Write the rows of each batch in one transaction, by the driver alone; return seconds."""
    took = []
    connection = await asyncpg.connect(server.url("bare").replace("+asyncpg", ""))
    try:
        for statements in batches:
            began = time.perf_counter()
            async with connection.transaction():
                for statement, rows in statements:
                    await connection.executemany(statement, rows)
            took.append(time.perf_counter() - began)
    finally:
        await connection.close()
    return took


async def main(known: int) -> None:
    """Measure and print."""
    configure_logging("bench", "error")
    folder = Path(tempfile.mkdtemp(prefix="codegrey-bench-"))
    server = PostgresServer(folder)
    try:
        await server.start()
        figures = await measure(server, known)
    finally:
        await server.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=KNOWN)
    asyncio.run(main(parser.parse_args().known))
