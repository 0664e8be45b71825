"""Count how many sources say something of their own accord.

Reports of one outlet count once, and so do those that carry the same title or the same long quote:
they are one wire story, however many print it. What attackers claim about themselves is no source.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from rapidfuzz.fuzz import token_sort_ratio

from services.tracker.names import fold
from shared.events import Certainty, Report

SAME_TITLE = 90
LONG_QUOTE = 60
_AGGREGATORS = frozenset({"news.google.com", "bing.com", "news.yahoo.com", "msn.com", "feedly.com"})


def count_independent(reports: Sequence[Report]) -> int:
    """Return the number of groups that remain when everything dependent is put together."""
    group = list(range(len(reports)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    for i, one in enumerate(reports):
        for j in range(i):
            if root(i) != root(j) and _dependent(one, reports[j]):
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


def _dependent(one: Report, other: Report) -> bool:
    if outlet(one) == outlet(other):
        return True
    titles = fold(one.title), fold(other.title)
    if min(map(len, titles)) >= 20 and token_sort_ratio(*titles) >= SAME_TITLE:
        return True
    return bool(_long_quotes(one) & _long_quotes(other))


def _long_quotes(report: Report) -> set[str]:
    return {fold(one.quote) for one in report.evidence if one.field == "text" and len(one.quote) >= LONG_QUOTE}
