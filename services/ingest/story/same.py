"""Recognise the same story in two feeds: one page, one headline over much the same words, or a copied text.

Whoever told it first gives the story its name: its entry's id. A page, headline or text that several entries of
one feed share tells nothing (live tickers, standing headings, what a publisher writes under everything).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from zlib import crc32

from rapidfuzz.fuzz import token_set_ratio

from services.ingest.decide import Candidate
from services.ingest.story.page import page_key
from shared.ids import stable_id

WITHIN = timedelta(days=7)
COMPARED = 600
"""Characters of a summary that are kept in hand to compare."""
_NO_LETTERS = re.compile(r"[\W_]+")
_WORDS = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SHORTEST_TITLE = 25
"""Letters and digits below which two headlines are the same by chance."""
_ENOUGH_WORDS = 80
_ALIKE = 70.0
_IN_A_ROW = 3
_SKETCHED_WORDS = 40
"""Feeds cut texts at their end: what is looked up is of the beginning."""
_FEWEST_WORDS = 20
_SKETCH = 4
"""Of two texts that share so much, at least one of four hashes is the same in 97 cases of 100."""
_SHARED = 0.6


@dataclass(frozen=True)
class Told:
    """An entry of another feed that may tell the same story."""

    entry_id: str
    story: str | None
    feed_url: str
    page_key: str | None
    title_key: str | None
    sketch: Collection[int] | None
    title: str
    summary: str

    @property
    def root(self) -> str:
        """Return the entry that told the story first."""
        return self.story or self.entry_id


@lru_cache(4_096)
def title_key(title: str) -> str | None:
    """Return what two spellings of one headline share, or None where it is too short to tell."""
    letters = _NO_LETTERS.sub("", title.casefold())
    return stable_id("title", letters) if len(letters) >= _SHORTEST_TITLE else None


@lru_cache(512)
def sketch(title: str, summary: str) -> tuple[int, ...]:
    """Return a few hashes of which a copy, slightly edited, shares at least one; none where there are few words.

    They are the smallest of all hashes of three words in a row (minhash, bottom-k), signed as a database's integer.
    """
    return tuple(value - 2**31 for value in sorted(_rows(title, summary, _SKETCHED_WORDS))[:_SKETCH])


def describe(candidate: Candidate, feed_url: str, *, sketched: bool = True) -> Told:
    """Describe an entry by what others of the same story share; `sketched`: by its words, too."""
    entry = candidate.entry
    summary = entry.summary[:COMPARED]
    return Told(
        candidate.entry_id,
        None,
        feed_url,
        page_key(entry.url),
        title_key(entry.title),
        sketch(entry.title, summary) if sketched else (),
        entry.title,
        summary,
    )


class Stories:
    """Find who told a story first among what was told before, and among what is added."""

    def __init__(self, told: Iterable[Told]) -> None:
        """Know `told`, in the order in which they were first seen."""
        self._by_key: dict[object, list[Told]] = {}
        for one in told:
            self._add(one)

    def link(self, mine: Sequence[Told]) -> dict[str, Told]:
        """Return, by entry id, the entry of another feed that told it before; know these new ones of one feed, too."""
        found: dict[str, Told] = {}
        often = Counter(key for one in mine for key in _keys(one))
        for one in mine:
            telling = [key for key in _keys(one) if often[key] == 1]
            before = (other for key in telling for other in self._by_key.get(key, ()) if _same(one, other, key))
            if first := next((other for other in before if other.feed_url != one.feed_url), None):
                found[one.entry_id] = first
        for one in mine:
            first = found.get(one.entry_id)
            self._add(replace(one, story=first.root) if first else one)
        return found

    def _add(self, one: Told) -> None:
        for key in _keys(one):
            self._by_key.setdefault(key, []).append(one)


def _keys(one: Told) -> Iterator[object]:
    if one.page_key:
        yield ("page", one.page_key)
    if one.title_key:
        yield ("title", one.title_key)
    yield from one.sketch or ()


def _same(one: Told, other: Told, key: object) -> bool:
    if isinstance(key, int):
        mine, theirs = _rows(one.title, one.summary), _rows(other.title, other.summary)
        return len(mine & theirs) >= _SHARED * min(len(mine), len(theirs))
    return key == ("page", other.page_key) or _alike(one.summary, other.summary)


def _alike(one: str, other: str) -> bool:
    """Compare the first words; where one feed gives hardly any, the headline must do."""
    if min(len(one), len(other)) < _ENOUGH_WORDS:
        return True
    return token_set_ratio(one[:COMPARED], other[:COMPARED]) >= _ALIKE


def _rows(title: str, summary: str, most: int | None = None) -> set[int]:
    """Hash every three words in a row of the summary, with the headline before it where that is short."""
    words = _split(summary)
    if len(words) < _FEWEST_WORDS:
        words = _split(f"{title} {summary}")
    if len(words) < _FEWEST_WORDS:
        return set()
    words = words[:most]
    return {crc32(b" ".join(words[start : start + _IN_A_ROW])) for start in range(len(words) - _IN_A_ROW + 1)}


def _split(text: str) -> list[bytes]:
    text = text.casefold()
    found = _WORDS.findall(text)
    if _UNSPACED.search(text):
        found = [part for word in found for part in (word if _UNSPACED.match(word) else (word,))]
    return [word.encode("utf-8", "replace") for word in found]
