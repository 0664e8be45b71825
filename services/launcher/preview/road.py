"""Lead what feeds held down the whole road in memory: judged, merged, matched. No server, no store, nothing sent.

The services' own cores do it. Every item is taken as read when it was published, one after the other, as if
the system had been running then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.classifier.handle import judge_item, to_report
from services.classifier.judge import Vectors
from services.ingest.conclude import FeedState
from services.ingest.items import make_item
from services.ingest.story.same import Stories, describe
from services.launcher.preview.read import FeedRead
from services.notifier.config import Subscriptions
from services.notifier.route import LastHour, Pace, Tell, Told, decide, pace
from services.notifier.snapshot import Snapshot
from services.tracker.ledger import Ledger
from services.tracker.reading import moment_of
from services.tracker.take import Arrived, place, take_report
from shared.events import Alert, NewsItem, Report
from shared.headers import Trace

HOUR = timedelta(hours=1)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Telling:
    """What one subscription would have been told of one version, or why nothing."""

    subscription: str
    version: int
    tell: Tell
    pace: Pace
    reason: str
    at: datetime

    @property
    def told(self) -> bool:
        """Whether anything would have been sent."""
        return self.tell is not Tell.NONE


@dataclass
class Incident:
    """An incident as it would stand now, with what would have been told of it."""

    alert: Alert
    state: str
    tellings: list[Telling] = field(default_factory=list)


def news_of(reads: Iterable[FeedRead]) -> list[NewsItem]:
    """Make the items of what may concern us, stories of several feeds linked."""
    stories = Stories([])
    items = []
    for read in reads:
        told = [describe(one.candidate, read.feed.url) for one in read.concerning]
        linked = stories.link(told)
        state = FeedState(config=read.feed)
        for decision, one in zip(read.concerning, told, strict=True):
            story = linked[one.entry_id].root if one.entry_id in linked else None
            items.append(make_item(state, read.parsed.title, read.parsed.language, decision, story))
    return items


def report_on(item: NewsItem, vectors: Vectors | None, now: datetime) -> Report | None:
    """Judge an item as the classifier does; None where it does not pass the gate."""
    judgement = judge_item(item, vectors)
    return to_report(item, judgement, now) if judgement else None


def merge_reports(reports: Sequence[Report]) -> tuple[Ledger, list[Alert]]:
    """Put every report where it belongs, in the order of publication; return all versions that this brings."""
    ledger = Ledger()
    for report in sorted(reports, key=lambda one: (moment_of(one), one.id)):
        arrived = Arrived.of(report, "", Trace.start(report.entry_id))
        take_report(ledger, arrived, place(ledger, arrived), moment_of(report))
    return ledger, [version.alert for version in ledger.versions]


def tell_all(alerts: Sequence[Alert], config: Subscriptions) -> dict[str, list[Telling]]:
    """Decide each version for each subscription; return it by incident."""
    told: dict[tuple[str, str], Told] = {}
    sent: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    found: defaultdict[str, list[Telling]] = defaultdict(list)
    for alert in alerts:
        for subscription in config.subscriptions:
            key = (subscription.name, alert.incident_id)
            # What waits in a fold has gone out by the next version, as far as a preview can tell.
            before = replace(told[key], waiting=None) if key in told else None
            decision = decide(alert, subscription, before, _EVER)
            when, reason = Pace.NOW, decision.reason
            if decision.tell is not Tell.NONE:
                lately = [level for at, level in sent[subscription.name] if at > alert.created_at - HOUR]
                hour = LastHour(len(lately), max(lately, default=0))
                when, because = pace(decision, alert, subscription, before, hour, alert.created_at)
                reason = f"{reason}; {because}" if because else reason
                told[key] = Told(Snapshot.of(alert))
                if when is Pace.NOW:
                    sent[subscription.name].append((alert.created_at, alert.level))
            telling = Telling(subscription.name, alert.version, decision.tell, when, reason, alert.created_at)
            found[alert.incident_id].append(telling)
    return found


def follow(reports: Sequence[Report], config: Subscriptions) -> list[Incident]:
    """Return the incidents that reports hold, the gravest first, with who would have been told."""
    ledger, alerts = merge_reports(reports)
    tellings = tell_all(alerts, config)
    incidents = [
        Incident(one.last, one.state, tellings.get(one.id, [])) for one in ledger.dossiers.values() if one.last
    ]
    return sorted(incidents, key=lambda one: (-one.alert.level, -one.alert.opened_at.timestamp(), one.alert.id))
