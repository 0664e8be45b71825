"""`codegrey why URL`: what became of one item, at each step of the road."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.why import entries
from services.notifier.why import told
from services.tracker.why import reports
from shared.dead_letters import read_dead_letters
from shared.gate import gate
from shared.settings import Settings
from shared.why import Step


async def why(settings: Settings, engine: AsyncEngine, url: str, subscription: str | None) -> list[Step]:
    """Ask each part, in the road's order; an address never seen is answered by ingest alone."""
    steps: list[Step] = []
    letters: set[str] | None = None
    for entry in await entries(engine, url):
        steps += entry.steps
        if not entry.item_id:
            continue  # never seen, or never published: ingest has said why
        judged, incidents = await reports(engine, entry.entry_id)
        if not judged:
            if letters is None:
                letters = {(one.key or b"").decode("utf-8", "replace") async for one in read_dead_letters(settings)}
            judged = [unjudged(entry.title, entry.text, dead=entry.entry_id in letters)]
        steps += judged
        for incident in incidents:
            steps += await told(engine, incident, subscription)
    return steps


def unjudged(title: str, text: str, *, dead: bool) -> Step:
    """Say why an item that was published has no report."""
    if dead:
        return Step("classifier", "dead letter", "it could not be read; see `codegrey dead list`")
    result = gate(f"{title}\n\n{text}")
    if not result.passed:
        return Step("classifier", "gated out", result.why or "nothing in it speaks of an attack on health care")
    return Step("classifier", "not judged yet", "it waits in the topic; see the classifier's lag in `codegrey status`")
