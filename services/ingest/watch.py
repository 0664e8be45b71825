"""Look at all feeds now and then: count their states, and tell once of each that has gone quiet."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.decide import Ids
from services.ingest.metrics import FAILING, FEEDS, ODD_IDS, QUIET
from services.ingest.status import feeds
from shared.log import get_logger

log = get_logger()
STATES = ("waiting", "ok", "moved", "quiet", "failing", "ended")


class Watch:
    """Remember which feeds were quiet, so that each silence is told once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._quiet: set[str] = set()

    async def look(self) -> None:
        """Set the metrics, and tell of feeds that fell silent or speak again."""
        rows = await feeds(self._engine)
        counts = Counter(row["state"] for row in rows)
        for state in STATES:
            FEEDS.labels(state).set(counts[state])
        ids = Counter(row["ids"] for row in rows)
        for kind in Ids:
            ODD_IDS.labels(kind).set(ids[kind])
        for gauge, key in ((QUIET, "silent_s"), (FAILING, "failures")):
            gauge.clear()
            for row in rows:
                if row[key]:
                    gauge.labels(row["url"]).set(row[key])
        self._tell({row["url"]: row for row in rows})

    def _tell(self, rows: dict[str, dict[str, Any]]) -> None:
        quiet = {url for url, row in rows.items() if row["state"] == "quiet"}
        for url in sorted(quiet - self._quiet):
            log.warning("feed has gone quiet", feed=rows[url]["name"], reason=rows[url]["quiet"], show=True)
        for url in sorted(self._quiet - quiet):
            if url in rows and rows[url]["state"] in {"ok", "moved"}:
                log.info("feed brings news again", feed=rows[url]["name"], show=True)
        self._quiet = quiet
