"""Count how many sources say something of their own accord.

Reports of one outlet count once, and so do those of one story as ingest linked them (one page, copied words),
and those that carry the same title or the same long quote: they are one wire story, however many print it.
What attackers claim about themselves is no source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from rapidfuzz.fuzz import token_sort_ratio

from services.tracker.names import fold
from shared.events import Certainty, Report

SAME_TITLE = 90
LONG_TITLE = 20
LONG_QUOTE = 60
_AGGREGATORS = frozenset({"news.google.com", "bing.com", "news.yahoo.com", "msn.com", "feedly.com"})


@dataclass(frozen=True, slots=True)
class _Print:
    """What shows where a report comes from."""

    outlet: str
    story: str
    title: str
    quotes: frozenset[str]


def count_independent(reports: Sequence[Report]) -> int:
    """Return the number of groups that remain when everything dependent is put together."""
    prints = [_print_of(report) for report in reports]
    group = list(range(len(reports)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    for i, one in enumerate(prints):
        for j in range(i):
            if root(i) != root(j) and _dependent(one, prints[j]):
                group[root(i)] = root(j)
    return len({root(i) for i, report in enumerate(reports) if report.facts.certainty is not Certainty.CLAIMED})


def outlet(report: Report) -> str:
    """Name who published a report: the site, or behind an aggregator the source that it names."""
    host = _host(report.url)
    if host and host not in _AGGREGATORS:
        return host
    return fold(report.source) or host or report.feed


def _host(url: str | None) -> str:
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").removeprefix("m.").removeprefix("amp.")


def _print_of(report: Report) -> _Print:
    quotes = (one.quote for one in report.evidence if one.field == "text" and len(one.quote) >= LONG_QUOTE)
    return _Print(outlet(report), report.story or report.entry_id, fold(report.title), frozenset(map(fold, quotes)))


def _dependent(one: _Print, other: _Print) -> bool:
    if one.outlet == other.outlet or one.story == other.story or one.quotes & other.quotes:
        return True
    long = min(len(one.title), len(other.title)) >= LONG_TITLE
    return long and token_sort_ratio(one.title, other.title, score_cutoff=SAME_TITLE) > 0
