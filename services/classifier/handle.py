"""Judge news items: the gate lets few pass, each of those gets a report, whatever the verdict.

The classifier keeps nothing. It publishes first and the offset is committed after, so that
a crash repeats work; a repeated report has the same id and is harmless.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from aiokafka import AIOKafkaProducer

from services.classifier.article import Article
from services.classifier.claims import judge_claim
from services.classifier.judge import JUDGE_VERSION, Vectors, judge_candidate
from services.classifier.judgement import Judgement
from services.classifier.metrics import (
    CANDIDATES,
    ITEMS,
    PUBLISHED_TO_JUDGED,
    SEEN_TO_PUBLISHED,
    VECTORS,
    VERDICTS,
)
from services.classifier.opinion.endpoint import Endpoint
from shared import canary
from shared.consume import Received
from shared.crash import crash_point
from shared.dead_letters import now_utc
from shared.events import Arrival, Evidence, Facts, NewsItem, Report, Victim
from shared.gate import gate
from shared.headers import event_headers
from shared.log import get_logger
from shared.publish import Outgoing, publish_all
from shared.topics import REPORTS

# A batch takes less than two seconds, however many of its items are candidates. What is not judged by then is the
# next batch; a verdict must not depend on how much else came in.
JUDGING_SECONDS = 1.0
# What is left of this after the judging is the endpoint's.
BATCH_SECONDS = 1.7
log = get_logger()
Handler = Callable[[Sequence[Received[NewsItem]]], Awaitable[int]]


def handler(producer: AIOKafkaProducer, vectors: Vectors | None = None, endpoint: Endpoint | None = None) -> Handler:
    """Return the handler that publishes with `producer`.

    It asks `vectors` about what the signals leave open, and `endpoint` about what is borderline then.
    """
    asked = counted(vectors) if vectors else None

    async def handle(received: Sequence[Received[NewsItem]]) -> int:
        """Judge a batch off the event loop, publish a report for each candidate, and say how many items that were."""
        now = now_utc()
        began = time.monotonic()
        candidates, items = await asyncio.to_thread(judge_batch, received, asked)
        if endpoint is not None:
            left = BATCH_SECONDS - (time.monotonic() - began)
            told = await endpoint.reconsider([(to_article(one.event), verdict) for one, verdict in candidates], left)
            candidates = [(one, verdict) for (one, _), verdict in zip(candidates, told, strict=True)]
        judged = await asyncio.to_thread(write_reports, candidates, now)
        await publish_all(producer, [message for _, message in judged])
        crash_point("classifier-between-publish-and-commit")
        published_at = now_utc()
        for report, _ in judged:
            # A revision, a catch-up or a replay was seen long ago, and nothing was slow.
            fresh = report.revision == 1 and report.arrival is Arrival.LIVE
            SEEN_TO_PUBLISHED.note(report.first_seen if fresh else None, report.item_appended_at)
            PUBLISHED_TO_JUDGED.note(report.item_appended_at, published_at)
            _tell(report)
        return items

    return handle


def judge_batch(
    received: Sequence[Received[NewsItem]],
    vectors: Vectors | None = None,
    seconds: float = JUDGING_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[tuple[Received[NewsItem], Judgement]], int]:
    """Judge the items that pass the gate until `seconds` are over; return the verdicts, and how many items were read.

    Runs in a thread, since it burns CPU. At least one item is read.
    """
    judged: list[tuple[Received[NewsItem], Judgement]] = []
    until = clock() + seconds
    items = 0
    for one in received:
        items += 1
        judgement = judge_item(one.event, vectors)
        if judgement is not None:
            judged.append((one, judgement))
        if clock() > until:
            break
    ITEMS.inc(items)
    CANDIDATES.inc(len(judged))
    return judged, items


def counted(vectors: Vectors) -> Vectors:
    """Count how often the vectors are asked, and how often they know nothing."""

    def ask(title: str, text: str) -> float | None:
        leaning = vectors(title, text)
        VECTORS.labels("no answer" if leaning is None else "asked").inc()
        return leaning

    return ask


def judge_item(item: NewsItem, vectors: Vectors | None = None) -> Judgement | None:
    """Judge one item, or return None where the gate stops it."""
    if item.claims_by_attackers:
        return judge_claim(to_article(item))
    if not gate(f"{item.title}\n\n{item.text or item.summary}").passed:
        return None
    return judge_candidate(to_article(item), vectors)


def write_reports(
    judged: Sequence[tuple[Received[NewsItem], Judgement]], now: datetime
) -> list[tuple[Report, Outgoing]]:
    """Put verdicts into reports, each with the message that carries it."""
    written = []
    for one, judgement in judged:
        report = to_report(one.event, judgement, now, one.appended_at)
        headers = event_headers(report, event_id=report.id, source="classifier", time=report.judged_at, trace=one.trace)
        value = report.model_dump_json(exclude_none=True).encode()
        written.append((report, Outgoing(REPORTS, report.key().encode(), value, headers)))
    return written


def to_article(item: NewsItem) -> Article:
    """Give the judge what ingest read."""
    return Article(
        id=item.id,
        title=item.title,
        text=item.text or item.summary,
        lang=item.language,
        published=item.published or item.first_seen,
        url=item.url,
        source=item.source or item.feed,
        official=item.official,
    )


def to_report(item: NewsItem, judgement: Judgement, now: datetime, appended_at: datetime | None = None) -> Report:
    """Put the verdict on `item`, which Kafka took in at `appended_at`, into the event that the tracker reads."""
    return Report(
        id=Report.make_id(item.id, JUDGE_VERSION),
        item_id=item.id,
        entry_id=item.entry_id,
        judge_version=JUDGE_VERSION,
        judged_at=now,
        feed=item.feed,
        source=item.source,
        url=item.url,
        title=item.title,
        language=judgement.language or item.language,
        published=item.published,
        first_seen=item.first_seen,
        revision=item.revision,
        arrival=item.arrival,
        incident=judgement.incident,
        outage=judgement.outage,
        confidence=judgement.confidence,
        level=judgement.level,
        would_be=judgement.would_be,
        impact_unknown=judgement.impact_unknown,
        facts=_facts(item, judgement),
        evidence=tuple(
            Evidence(
                signal=one.signal.value,
                quote=one.quote[:2_000],
                start=one.start,
                end=one.end,
                field=one.field,
                used=one.used,
                why=one.why[:2_000],
            )
            for one in judgement.signals
        ),
        reason=judgement.reason[:2_000],
        item_appended_at=appended_at,
        story=item.story,
    )


def _facts(item: NewsItem, judgement: Judgement) -> Facts:
    grading = judgement.grading
    data = "published" if judgement.data_published else "stolen" if judgement.data_stolen else "unknown"
    return Facts(
        victims=tuple(
            Victim(
                name=victim.name[:2_000],
                normalised=victim.normalised[:2_000],
                place=victim.place,
                country=victim.sure_country or item.country,
            )
            for victim in judgement.victims
        ),
        suppliers=judgement.suppliers,
        attacker=judgement.attacker,
        attack_date=judgement.attack_date,
        data=data,
        ransom=judgement.ransom,
        sites=judgement.sites,
        certainty=judgement.certainty,
        status=judgement.status,
        scope=judgement.scope,
        diverting_sites=grading.diverting_sites,
        sites_down=grading.sites_down,
        supplier_customers=grading.supplier_customers,
        disrupted_days=grading.disrupted_days,
        published_by_attacker_only=grading.published_by_attacker_only,
    )


def _tell(report: Report) -> None:
    verdict = "incident" if report.incident else "outage" if report.outage else "no incident"
    VERDICTS.labels(verdict).inc()
    log.info(
        "judged",
        correlation_id=report.entry_id,
        verdict=verdict,
        level=report.level,
        title=report.title[:120],
        reason=report.reason[:160],
        show=report.feed != canary.FEED,
    )
