"""Read what services report of themselves: the latest report of each source in `codegrey.troubles`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from shared.topics import TROUBLES
from shared.trouble import SourceReport, Trouble, bounded_key

PARTITION = TopicPartition(TROUBLES, 0)
REPEAT_S = 300.0
"""A report that has not changed is repeated this often: a sign of life."""
SILENT_AFTER_S = 3 * REPEAT_S
FORGOTTEN_AFTER_S = 3600.0
"""A source that says nothing for so long, while its service speaks, was a replica that is gone."""


@dataclass
class Heard:
    """The latest report of each source, and when it came, by a monotonic clock."""

    reports: dict[str, SourceReport] = field(default_factory=dict)
    _offsets: dict[str, int] = field(default_factory=dict)
    _at: dict[str, float] = field(default_factory=dict)
    _live: set[str] = field(default_factory=set)
    """Services that spoke while we listened: what was read first may be of yesterday."""
    _caught_up: bool = False

    async def listen(self, consumer: AIOKafkaConsumer, now: float) -> None:
        """Read what was reported since the last time, to the end; nothing where the topic is not there yet."""
        if not consumer.partitions_for_topic(TROUBLES):
            return
        end = (await consumer.end_offsets([PARTITION]))[PARTITION]
        while await consumer.position(PARTITION) < end:
            for record in (await consumer.getmany(PARTITION, timeout_ms=500)).get(PARTITION, []):
                self.take(record.value, record.offset, now)
        self._caught_up = True

    def take(self, value: bytes | None, offset: int, now: float) -> None:
        """Take one record; what cannot be read, or was read before, changes nothing."""
        try:
            report = SourceReport.model_validate_json(value or b"")
        except ValidationError:
            return
        if offset > self._offsets.get(report.source, -1):
            self.reports[report.source] = report
            self._offsets[report.source] = offset
            self._at[report.source] = now
            if self._caught_up:
                self._live.add(report.service)

    def troubles(self, now: float, standing: Collection[str] = ()) -> list[Trouble]:
        """List what is wrong by the word of each source that counts, and the services that say nothing any more.

        One that was silent by what operators know (`standing`) is silent until it speaks.
        """
        spoke, gone = self._spoke(), self._gone(now)
        found: list[Trouble] = []
        for source, report in sorted(self.reports.items()):
            if source not in gone:
                found += report.troubles
        found += [
            Trouble(
                f"silent:{service}",
                f"{service} has stopped reporting",
                f"It has said nothing for {(now - at) / 60:.0f} minutes. See `codegrey status` and its log.",
            )
            for service, at in sorted(spoke.items())
            if now - at > SILENT_AFTER_S or (f"silent:{service}" in standing and service not in self._live)
        ]
        return found

    def unwatched(self, now: float) -> frozenset[str]:
        """Return the keys of troubles that nobody looks for any more, by the word of a source or since it is gone."""
        gone = self._gone(now)
        keys: set[str] = set()
        for source, report in self.reports.items():
            keys.update((one.key for one in report.troubles) if source in gone else report.unwatched)
        return frozenset(map(bounded_key, keys))

    def _spoke(self) -> dict[str, float]:
        """Return when each service last said anything."""
        spoke: dict[str, float] = {}
        for source, report in self.reports.items():
            spoke[report.service] = max(spoke.get(report.service, 0.0), self._at[source])
        return spoke

    def _gone(self, now: float) -> set[str]:
        """Return the sources that count no more: silent for long, while their service speaks."""
        spoke = self._spoke()
        return {
            source
            for source, report in self.reports.items()
            if now - self._at[source] > FORGOTTEN_AFTER_S and now - spoke[report.service] <= SILENT_AFTER_S
        }

    def figures(self) -> dict[str, int]:
        """Return what the services count, by name."""
        return {name: value for report in self.reports.values() for name, value in report.figures.items()}
