"""Fetch the linked pages of entries that may be about an attack on care, and of no others.

Whatever goes wrong here never holds an entry back: it goes on with the words of its feed,
and the reason is kept beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event, Lock

from services.ingest.decide import Candidate, Decision
from services.ingest.fetching.fetch import Fetcher, Wishes
from services.ingest.fetching.robots import Robots
from services.ingest.fetching.spacing import HostSpacing
from services.ingest.metrics import ARTICLES
from services.ingest.parsing.entry_gate import compile_gate, passes_gate
from services.ingest.parsing.parsers import Parsers
from services.ingest.sources.feeds import Feed
from services.ingest.story.urls import host_of

ENOUGH = 1_500
"""Characters of text in the feed itself that make its page unnecessary."""
MOST_PAGES = 10
"""Of one poll: a search or a first contact may bring many candidates."""
TOGETHER_S = 30.0
"""For all pages of one poll: an alert must not wait for a slow site."""
_WISHES = Wishes(max_body=8 * 1024**2, within_s=15.0, accept="text/html, application/xhtml+xml;q=0.9, */*;q=0.3")

_AT_ONCE = 200_000
"""Characters that the gate reads in a millisecond or two."""
_PREPARED = Event()
_GATE = Lock()
"""The gate's scanner serves one thread at a time."""


@dataclass(frozen=True)
class FullText:
    """What came of one page: its text, or why there is none; `reason` is in words."""

    text: str
    reason: str


def prepare_gate() -> None:
    """Have the gate ready in this process, for parsers that were not told to ask it."""
    with _GATE:
        compile_gate()
    _PREPARED.set()


def may_concern_us(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return those whose words pass the gate."""
    with _GATE:
        return [one for one in candidates if _passes(one)]


async def concerning(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Do the same without holding up the event loop: what takes long, or must wait, is done beside it.

    The service's own parsers have asked already, in their processes.
    """
    if all(one.entry.concerns is not None for one in candidates):
        return [one for one in candidates if one.entry.concerns]
    entries = (candidate.entry for candidate in candidates)
    short = sum(len(one.title) + len(one.summary) + len(one.text) for one in entries) <= _AT_ONCE
    if short and _PREPARED.is_set() and _GATE.acquire(blocking=False):
        try:
            return [one for one in candidates if _passes(one)]
        finally:
            _GATE.release()
    return await asyncio.to_thread(may_concern_us, candidates)


def _passes(candidate: Candidate) -> bool:
    entry = candidate.entry
    return passes_gate(entry) if entry.concerns is None else entry.concerns


def lacks_text(candidate: Candidate) -> bool:
    """Whether it has a page, and little text of its own."""
    entry = candidate.entry
    return bool(entry.url) and len(entry.summary) + len(entry.text) < ENOUGH


def pages_wanted(decisions: Sequence[Decision], concerned: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates that will be published, the first `MOST_PAGES` in the feed's order."""
    ids = {candidate.entry_id for candidate in concerned}
    return [one.candidate for one in decisions if one.published and one.candidate.entry_id in ids][:MOST_PAGES]


def is_of_its_own(source: Feed, url: str) -> bool:
    """Whether a page stands where its private source does. No other may be private: strangers write the links."""
    return source.allow_private and host_of(url) == host_of(source.url)


def with_page(decision: Decision, pages: Mapping[str, FullText]) -> Decision:
    """Give an entry the text of its page, where that says more; its id and hash stay those of the feed's words."""
    page = pages.get(decision.candidate.entry_id)
    if page is None:
        return decision
    entry = decision.candidate.entry
    if len(page.text) > len(entry.text):
        entry = replace(entry, text=page.text)
    candidate = replace(decision.candidate, entry=entry)
    return replace(decision, candidate=candidate, reason=f"{decision.reason}; {page.reason}")


@dataclass
class Pages:
    """Fetch pages politely and find the article on each."""

    parsers: Parsers
    spacing: HostSpacing
    robots: Robots

    async def read(
        self, wanted: Sequence[Candidate], way: Callable[[str], tuple[Fetcher, str]]
    ) -> Mapping[str, FullText]:
        """Return what came of each page, by entry id.

        `way` says for an address who fetches it, and which host is left alone before and after: an empty name, none.
        """
        found: dict[str, FullText] = {}

        async def one(candidate: Candidate) -> None:
            url = candidate.entry.url or ""
            try:
                found[candidate.entry_id] = await self._page(url, *way(url))
            except Exception as fault:  # a fault of ours must not cost an entry
                found[candidate.entry_id] = FullText("", f"no full text: {type(fault).__name__}")

        tasks = [asyncio.create_task(one(candidate)) for candidate in wanted]
        if tasks:
            await asyncio.wait(tasks, timeout=TOGETHER_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for candidate in wanted:
            found.setdefault(candidate.entry_id, FullText("", "no full text: its site was too slow"))
            ARTICLES.labels("read" if found[candidate.entry_id].text else "not read").inc()
        return found

    async def _page(self, url: str, fetcher: Fetcher, host: str) -> FullText:
        async with self.spacing.turn(host):
            refusal = await self.robots.refuses(url, fetcher)
            if refusal:
                return FullText("", f"no full text: {refusal}")
            fetched = await fetcher.fetch(url, wishes=_WISHES)
        if fetched.error or fetched.status != 200:
            return FullText("", f"no full text: {fetched.error or f'the page answered {fetched.status}'}"[:300])
        kind = fetched.headers.get("content-type", "text/html").split(";")[0].strip().lower()
        if kind not in {"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""}:
            return FullText("", f"no full text: the link leads to {kind[:60]}")
        article = await self.parsers.article(
            fetched.body, url=fetched.final_url, content_type=fetched.headers.get("content-type", "")
        )
        if article.error:
            return FullText("", f"no full text: {article.error}")
        return FullText(article.text, "with the full text of its page")
