"""Recognise the same story in two feeds: one page, or an agency's report under one headline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from rapidfuzz.fuzz import token_set_ratio

from services.ingest.decide import Candidate, link_key
from shared.ids import stable_id

WITHIN = timedelta(days=7)
_NO_LETTERS = re.compile(r"[\W_]+")
_SHORTEST_TITLE = 25
"""Letters and digits below which two headlines are the same by chance."""
_ENOUGH_WORDS = 80
_ALIKE = 70.0


@dataclass(frozen=True)
class Told:
    """An entry of another feed that may tell the same story."""

    entry_id: str
    story: str | None
    feed_url: str
    link_key: str | None
    title_key: str | None
    summary: str


@lru_cache(4_096)
def title_key(title: str) -> str | None:
    """Return what two spellings of one headline share, or None where it is too short to tell."""
    letters = _NO_LETTERS.sub("", title.casefold())
    return stable_id("title", letters) if len(letters) >= _SHORTEST_TITLE else None


def told_by(candidate: Candidate, feed_url: str, before: Told | None) -> Told:
    """Describe a new entry to those that come after it."""
    story = (before.story or before.entry_id) if before else None
    entry = candidate.entry
    return Told(candidate.entry_id, story, feed_url, link_key(entry.url), title_key(entry.title), entry.summary[:600])


def link_stories(candidates: Iterable[Candidate], told: Iterable[Told]) -> Mapping[str, Told]:
    """Return, by entry id, the entry of another feed that told the same story before."""
    by_link: dict[str, Told] = {}
    by_title: dict[str, list[Told]] = {}
    for one in told:
        if one.link_key:
            by_link.setdefault(one.link_key, one)
        if one.title_key:
            by_title.setdefault(one.title_key, []).append(one)
    found: dict[str, Told] = {}
    for candidate in candidates:
        entry = candidate.entry
        same_page = by_link.get(link_key(entry.url) or "")
        if same_page:
            found[candidate.entry_id] = same_page
            continue
        for one in by_title.get(title_key(entry.title) or "", ()):
            if _alike(entry.summary, one.summary):
                found[candidate.entry_id] = one
                break
    return found


def _alike(one: str, other: str) -> bool:
    """Compare the first words; where one feed gives hardly any, the headline must do."""
    if min(len(one), len(other)) < _ENOUGH_WORDS:
        return True
    return token_set_ratio(one[:600], other[:600]) >= _ALIKE
