"""`codegrey why URL`: what became of one item, at each step of the road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.why import KnownEntry, entries
from services.launcher.diagnose.status import group_states
from services.notifier.trace import matched
from services.notifier.why import told
from services.tracker.trace import ToldVersion, versions_of
from services.tracker.why import held_back, reports
from shared.dead_letters import DeadLetter, read_dead_letters
from shared.errors import Transient
from shared.gate import gate
from shared.settings import Settings
from shared.topics import ALERTS, NEWS, REPORTS
from shared.why import Step


async def why(settings: Settings, engine: AsyncEngine, url: str, subscription: str | None) -> list[Step]:
    """Ask each part, in the road's order; an address never seen is answered by ingest alone."""
    steps: list[Step] = []
    topics = InKafka(settings)
    for entry in await entries(engine, url):
        steps += entry.steps
        if not entry.item_id:
            continue  # never seen, or never published: ingest has said why
        judged, incidents = await reports(engine, entry.entry_id)
        steps += judged or [await _unjudged(entry, topics)]
        for incident in incidents:
            steps += await _told(engine, incident, subscription, topics)
    return steps


async def _told(engine: AsyncEngine, incident: str, subscription: str | None, topics: InKafka) -> list[Step]:
    """Tell what the notifier decided, and where the versions are that it has not seen."""
    steps = await told(engine, incident, subscription)
    versions = await versions_of(engine, [incident])
    seen = await matched(engine, [one.alert_id for one in versions])
    missing = [one for one in versions if one.alert_id not in seen]
    if missing:
        held = await held_back(engine, incident, [one.alert_id for one in missing])
        steps += [held.get(one.alert_id) or await _unmatched(one, topics) for one in missing]
    if not steps:
        steps.append(Step("notifier", "nobody to tell", "there was no subscription when its versions were matched"))
    return steps


async def _unjudged(entry: KnownEntry, topics: InKafka) -> Step:
    """Say why an item that was published has no report."""
    if entry.steps and entry.steps[-1].outcome in {"waits in the outbox", "refused by Kafka"}:
        return Step("classifier", "not judged yet", "it has not reached the topic of news")
    if await topics.buried(NEWS, entry.entry_id):
        return Step("classifier", "dead letter", "it could not be read; see `codegrey dead list`")
    result = gate(f"{entry.title}\n\n{entry.text}")
    if not result.passed:
        return Step("classifier", "gated out", result.why or "nothing in it speaks of an attack on health care")
    if await topics.buried(REPORTS, entry.entry_id):
        return Step("tracker", "dead letter", "its report could not be read; see `codegrey dead list`")
    if lag := await topics.lag(NEWS):
        return Step("classifier", "not judged yet", f"it waits in {NEWS}, where the classifier is {lag}")
    if lag := await topics.lag(REPORTS):
        return Step("tracker", "not merged yet", f"its report waits in {REPORTS}, where the tracker is {lag}")
    return Step("classifier", "not judged yet", "it is on its way, or was dropped from the topic before it was read")


async def _unmatched(version: ToldVersion, topics: InKafka) -> Step:
    """Say where a version is that was published and not yet matched."""
    if await topics.buried(ALERTS, version.alert_id):
        return Step("notifier", "dead letter", f"version {version.version} could not be read; see `codegrey dead list`")
    lag = await topics.lag(ALERTS) or "about to take it"
    return Step(
        "notifier", "not matched yet", f"version {version.version} waits in {ALERTS}, where the notifier is {lag}"
    )


@dataclass
class InKafka:
    """What Kafka knows, asked for at most once and only where the tables have no answer."""

    settings: Settings
    _letters: Sequence[DeadLetter] | None = None
    _groups: dict[str, str] = field(default_factory=dict)

    async def buried(self, topic: str, event_id: str) -> bool:
        """Say whether a dead letter of this topic holds the event; by its key or in its words."""
        if self._letters is None:
            try:
                self._letters = [one async for one in read_dead_letters(self.settings)]
            except (Transient, KafkaError):
                self._letters = []  # `lag` says that Kafka is away
        wanted = event_id.encode()
        return any(wanted in ((one.key or b"") + (one.value or b"")) for one in self._letters if one.topic == topic)

    async def lag(self, topic: str) -> str:
        """Say how far the reader of a topic is behind, or that it is paused; nothing where it is not."""
        if not self._groups:
            try:
                groups = await group_states(self.settings)
            except (Transient, KafkaError) as fault:
                return f"not to be asked now: {fault}"
            for one in groups:
                paused = f", paused: {one.get('reason', '')}" if one["state"] == "paused" else ""
                self._groups[one["topic"]] = f"{one['lag']} behind{paused}" if one["lag"] else ""
        return self._groups.get(topic, "")
