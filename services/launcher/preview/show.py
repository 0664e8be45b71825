"""Show a preview: as JSON for programs, in words for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.launcher.preview.read import FeedRead
from services.launcher.preview.road import Incident, Telling
from services.notifier.route import Pace, Tell
from shared.events import Report
from shared.signals import LEVEL_NAMES

_SOURCES = 4
_WHEN = {
    Pace.NOW: "at once",
    Pace.FOLDED: "folded with others",
    Pace.COLLECTED: "in a summary",
    Pace.HELD: "after quiet hours",
    Pace.DIGEST: "in the digest",
}
_WHAT = {Tell.OPENING: "alert", Tell.UPDATE: "update", Tell.RETRACTION: "retraction"}


@dataclass(frozen=True)
class Preview:
    """What was read, and what would have come of it."""

    days: int
    feeds_from: str
    subscriptions_from: str
    reads: Sequence[FeedRead]
    reports: Sequence[Report]
    incidents: Sequence[Incident]

    @property
    def failed(self) -> list[FeedRead]:
        """Return the feeds that could not be read."""
        return [one for one in self.reads if one.error]

    @property
    def entries(self) -> int:
        """Count the entries of these days."""
        return sum(one.entries for one in self.reads)


def as_document(preview: Preview) -> dict[str, Any]:
    """Put a preview into one JSON document."""
    return {
        "days": preview.days,
        "feeds_from": preview.feeds_from,
        "subscriptions_from": preview.subscriptions_from,
        "feeds": len(preview.reads),
        "feeds_read": len(preview.reads) - len(preview.failed),
        "failed": [{"url": one.feed.url, "name": one.name, "error": one.error} for one in preview.failed],
        "entries": preview.entries,
        "candidates": len(preview.reports),
        "incidents": [_incident(one) for one in preview.incidents],
        "not_incidents": [
            {"title": one.title, "url": one.url, "source": one.source, "reason": one.reason}
            for one in preview.reports
            if not (one.incident or one.outage)
        ],
    }


def _incident(one: Incident) -> dict[str, Any]:
    return one.alert.model_dump(mode="json") | {
        "state": one.state,
        "told": [_telling(telling) for telling in one.tellings if telling.told],
        "not_told": [_telling(telling) for telling in one.tellings if not telling.told],
    }


def _telling(one: Telling) -> dict[str, Any]:
    return {
        "subscription": one.subscription,
        "version": one.version,
        "tell": one.tell.value,
        "pace": one.pace.value,
        "reason": one.reason,
        "at": one.at.isoformat(),
    }


def in_words(preview: Preview) -> Iterator[str]:
    """Yield the lines of a preview for a person."""
    for one in preview.incidents:
        alert = one.alert
        peak = f", {alert.peak} at its worst" if alert.peak > alert.level else ""
        ended = "" if one.state == "open" else f", {one.state}"
        yield f"{alert.level} {LEVEL_NAMES[alert.level]}{peak}{ended}  {_line(alert.headline)}"
        began = f"{alert.first_published or alert.opened_at:%Y-%m-%d %H:%M} UTC"
        yield f"    first published {began}; {_sources(one)}"
        if alert.sources and alert.sources[0].url:
            yield f"    {_line(alert.sources[0].url)}"
        yield from _who(one.tellings)
        yield ""
    of = f"{preview.entries:,} entries of the last {preview.days} days"
    read = len(preview.reads) - len(preview.failed)
    yield (
        f"{len(preview.incidents)} incidents in {of} from {read} feeds ({preview.feeds_from}); "
        f"{len(preview.reports)} passed the gate. Nothing was stored or sent."
    )


def _sources(one: Incident) -> str:
    names = list(dict.fromkeys(_line(source.source) for source in one.alert.sources))
    more = f" and {len(names) - _SOURCES} more" if len(names) > _SOURCES else ""
    count = len(one.alert.sources)
    own = one.alert.independent_sources
    copies = f" ({own} of their own)" if own and own < count else ""
    return f"{count} {'report' if count == 1 else 'reports'}{copies}: {', '.join(names[:_SOURCES])}{more}"


def _who(tellings: Sequence[Telling]) -> Iterator[str]:
    names = list(dict.fromkeys(one.subscription for one in tellings))
    if not names:
        yield "    nobody has subscribed"
    for name in names:
        mine = [one for one in tellings if one.subscription == name]
        told = [one for one in mine if one.told]
        if not told:
            yield f"    {name}: not told; {_line(mine[-1].reason)}"
        for one in told:
            yield f"    {name}: {_WHAT[one.tell]} {_WHEN[one.pace]}, {one.at:%Y-%m-%d %H:%M}; {_line(one.reason)}"


def failures(preview: Preview) -> Iterator[str]:
    """Yield a line for each feed that could not be read."""
    failed = preview.failed
    if failed:
        yield f"{len(failed)} of {len(preview.reads)} feeds could not be read; what they hold is missing above:"
    for one in sorted(failed, key=lambda one: one.feed.url):
        yield f"  {one.feed.url}  {_line(one.error or '')}"


def _line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]
