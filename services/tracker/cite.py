"""Cite the reports that an incident rests on, short enough for one message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.tracker.independent import outlet
from services.tracker.names import fold
from services.tracker.reading import signal_of
from shared.events import CitedEvidence, Report, Source
from shared.signals import MEANINGS, Signal

MAX_QUOTES = 30
QUOTES_OF_ONE_SIGNAL = 3
MAX_QUOTE = 400
MAX_SOURCES = 60
MAX_TITLE = 300


def cite_evidence(reports: Sequence[Report], justifying: Sequence[Signal]) -> tuple[CitedEvidence, ...]:
    """Quote what counts, first what justifies the level, then the graver; a few quotes of each signal."""
    found: list[tuple[tuple[bool, int], CitedEvidence]] = []
    seen: set[tuple[str, str]] = set()
    for report in reports:
        for one in report.evidence:
            signal = signal_of(one)
            key = (one.signal, fold(one.quote))
            if not one.used or signal is None or key in seen:
                continue
            seen.add(key)
            meaning = MEANINGS[signal]
            cited = CitedEvidence(
                signal=one.signal,
                words=meaning.words,
                level=meaning.level,
                quote=_cut(one.quote, MAX_QUOTE),
                url=report.url,
                source=report.source or outlet(report),
            )
            found.append(((signal not in justifying, -meaning.level), cited))
    found.sort(key=lambda pair: pair[0])
    quoted: Counter[str] = Counter()
    kept = []
    for _, cited in found:
        quoted[cited.signal] += 1
        if quoted[cited.signal] <= QUOTES_OF_ONE_SIGNAL:
            kept.append(cited)
    return tuple(kept[:MAX_QUOTES])


def cite_sources(reports: Sequence[Report]) -> tuple[Source, ...]:
    """List the reports by time of publication; of very many, the first and the last."""
    if len(reports) > MAX_SOURCES:
        half = MAX_SOURCES // 2
        reports = [*reports[:half], *reports[-half:]]
    return tuple(
        Source(
            url=report.url,
            source=report.source or outlet(report),
            title=_cut(report.title, MAX_TITLE),
            language=report.language,
            published=report.published,
            entry_id=report.entry_id,
        )
        for report in reports
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
