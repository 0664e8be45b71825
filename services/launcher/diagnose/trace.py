"""`codegrey trace`: every point that an item passed on the road, when, and which step took longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.trace import SeenEntry, entries_at, entries_of
from services.launcher.diagnose.timeline import PUBLISHED, Moment, Passed, Slowest, seconds_words, slowest, timeline
from services.notifier.trace import MatchedAlert, TracedDelivery, deliveries_of, matched
from services.tracker.trace import FiledReport, ToldVersion, reports_named, reports_on, versions_named, versions_of
from shared.errors import Permanent
from shared.topics import ALERTS, NEWS, REPORTS


@dataclass(frozen=True)
class TracedTarget:
    """The end of the road at one target: when it was sent and accepted, or why not."""

    subscription: str
    target: str | None
    state: str
    reason: str
    steps: list[Passed]
    total_s: float | None
    slowest: Slowest | None
    slowest_of_ours: Slowest | None


@dataclass(frozen=True)
class TracedItem:
    """The road of one item, as far as it came, and its targets."""

    title: str
    url: str
    incident: str | None
    version: int | None
    alert: str | None
    outcome: str
    steps: list[Passed]
    targets: list[TracedTarget]
    total_s: float | None
    slowest: Slowest | None
    slowest_of_ours: Slowest | None


async def trace(engine: AsyncEngine, what: str) -> list[TracedItem]:
    """Follow an address, or an alert or incident by (the beginning of) its id; raises Permanent where it is unknown."""
    if "://" in what:
        return await _trace_address(engine, what)
    versions = await versions_named(engine, what)
    reports = {one.id: one for one in await reports_named(engine, [one.report_id or "" for one in versions])}
    entries = await entries_of(engine, {one.entry_id for one in reports.values()})
    roads = []
    for version in versions:
        report = reports.get(version.report_id or "")
        roads.append((_revision(entries, report), report, version))
    return await _follow(engine, roads)


Road = tuple[SeenEntry | None, FiledReport | None, ToldVersion | None]


async def _trace_address(engine: AsyncEngine, url: str) -> list[TracedItem]:
    entries = await entries_at(engine, url)
    if not entries:
        raise Permanent(f"{url} was never seen: `codegrey why` says which feeds would carry it")
    reports = await reports_on(engine, {one.entry_id for one in entries})
    versions = await versions_of(engine, {one.incident_id for one in reports if one.incident_id})
    roads: list[Road] = []
    for entry in entries:
        roads += _onwards(entry, reports, versions)
    return await _follow(engine, roads)


def _onwards(entry: SeenEntry, reports: Sequence[FiledReport], versions: Sequence[ToldVersion]) -> Iterator[Road]:
    """Go on from one revision to its reports, and from each to the versions that it brought."""
    judged = [one for one in reports if (one.entry_id, one.revision) == (entry.entry_id, entry.revision)]
    if not judged:
        yield entry, None, None
    for report in judged:
        brought = [one for one in versions if one.report_id == report.id]
        yield from ((entry, report, version) for version in brought)
        if not brought:
            yield entry, report, None


def _revision(entries: Sequence[SeenEntry], report: FiledReport | None) -> SeenEntry | None:
    if report is None:
        return None
    same = (one for one in entries if (one.entry_id, one.revision) == (report.entry_id, report.revision))
    return next(same, None)


async def _follow(engine: AsyncEngine, roads: Sequence[Road]) -> list[TracedItem]:
    """Ask the notifier for the end of each road."""
    alerts = {version.alert_id for _, _, version in roads if version}
    arrived = await matched(engine, alerts)
    sent = await deliveries_of(engine, alerts)
    traced = []
    for entry, report, version in roads:
        alert = version.alert_id if version else ""
        traced.append(_item(entry, report, version, arrived.get(alert), [one for one in sent if one.alert_id == alert]))
    return traced


def _item(
    entry: SeenEntry | None,
    report: FiledReport | None,
    version: ToldVersion | None,
    match: MatchedAlert | None,
    deliveries: Sequence[TracedDelivery],
) -> TracedItem:
    steps = timeline(moments(entry, report, version, match))
    return TracedItem(
        title=(version.headline if version else entry.title if entry else ""),
        url=entry.url if entry else "",
        incident=(version.incident_id if version else report.incident_id if report else None),
        version=version.version if version else None,
        alert=version.alert_id if version else None,
        outcome=_outcome(entry, report, version, match),
        steps=steps,
        targets=[_target(steps, one) for one in deliveries],
        total_s=_total(steps),
        slowest=slowest(steps),
        slowest_of_ours=slowest(steps, ours=True),
    )


def moments(
    entry: SeenEntry | None, report: FiledReport | None, version: ToldVersion | None, match: MatchedAlert | None
) -> list[Moment]:
    """List the points before anybody is told, in the order of the road; what is not known has no time."""
    in_news = report.item_appended_at if report and report.item_appended_at else entry.confirmed_at if entry else None
    merged = version.created_at if version else report.merged_at if report else None
    edited = f", revision {entry.revision}" if entry and entry.revision > 1 else ""
    return [
        Moment(PUBLISHED, entry.published if entry else None, "by its publisher's word"),
        Moment("seen", entry.seen_at if entry else None, f"polled from {entry.feed}{edited}" if entry else ""),
        Moment(f"in {NEWS}", in_news),
        Moment("judged", report.judged_at if report else None),
        Moment(f"in {REPORTS}", report.appended_at if report else None),
        Moment("merged", merged, f"version {version.version}: {version.reason}" if version else ""),
        Moment(f"in {ALERTS}", match.appended_at if match else None),
        Moment("matched", match.matched_at if match else None),
    ]


def _target(before: Sequence[Passed], one: TracedDelivery) -> TracedTarget:
    last = Moment(before[-1].step, before[-1].at) if before else Moment("", None)
    folded = one.pace != "now"
    rest = timeline(
        [
            last,
            Moment("queued", one.queued_at if folded else None, f"{one.pace}, as one message"),
            Moment("sent", one.sending_at, f"attempt {one.attempts}" if (one.attempts or 0) > 1 else ""),
            Moment("accepted", one.accepted_at),
        ]
    )[1 if last.at else 0 :]
    state = one.state or ("waits in a list" if one.tell != "none" else "not told")
    reason = f"{one.reason}; last error: {one.error}" if one.error else one.reason
    whole = [*before, *rest]
    return TracedTarget(
        one.subscription,
        one.target,
        state,
        reason,
        rest,
        _total(whole),
        slowest(whole),
        slowest(whole, ours=True),
    )


def _outcome(
    entry: SeenEntry | None, report: FiledReport | None, version: ToldVersion | None, match: MatchedAlert | None
) -> str:
    if match:
        return "matched"
    if version:
        return "merged; not matched yet"
    if report:
        return f"{report.outcome}, and nothing new to tell: {report.reason}"
    if entry and entry.item_id is None:
        return "seen, not published"
    return "no report: `codegrey why` says whether it was gated out"


def _total(steps: Sequence[Passed]) -> float | None:
    return round(max(0.0, (steps[-1].at - steps[0].at).total_seconds()), 3) if len(steps) > 1 else None


def lines(item: TracedItem) -> list[str]:
    """Draw one road for a terminal."""
    head = item.title or item.url
    if item.version:
        head += f" (incident {(item.incident or '')[:12]}, version {item.version}, alert {(item.alert or '')[:12]})"
    drawn = [head, *(f"  {_line(one)}" for one in item.steps)]
    if not item.targets:
        drawn += [f"  {item.outcome}", *_slow("  ", item.slowest, item.slowest_of_ours)]
    for one in item.targets:
        drawn.append(
            f"  {one.subscription}{f' through {one.target}' if one.target else ''}: {one.state} ({one.reason})"
        )
        if one.target:
            drawn += [f"    {_line(step)}" for step in one.steps]
            drawn += _slow("    ", one.slowest, one.slowest_of_ours)
    return drawn


def _line(one: Passed) -> str:
    took = f"+{seconds_words(one.took_s)}" if one.took_s is not None else ""
    at = f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{one.at.microsecond // 1000:03d}"
    return f"{one.step:<20}{at}  {took:>10}  {one.detail}".rstrip()


def _slow(indent: str, worst: Slowest | None, own: Slowest | None) -> list[str]:
    if worst is None:
        return []
    text = f"slowest: {worst.since} to {worst.step}, {seconds_words(worst.took_s)} of {seconds_words(worst.of_s)}"
    if own and own != worst and own.step != worst.step:
        text += f"; of our own: {own.since} to {own.step}, {seconds_words(own.took_s)} of {seconds_words(own.of_s)}"
    return [f"{indent}{text}"]
