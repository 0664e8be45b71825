"""What is read from a document: plain values, whatever form it had."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urljoin

from services.ingest.parsing.clean import one_line
from shared.ids import stable_id

PARSER_VERSION = 2
"""Raise it where the same bytes give other entries, so that unchanged feeds are read again."""
MAX_ENTRIES = 5_000
MAX_TITLE = 4_000
MAX_URL = 2_000
MAX_ID = 2_000
SETTLED = re.compile(r"https?://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d+)?(?:/[\w/.~%-]*)?", re.ASCII)
"""An address that no base changes: absolute, and without what a join would tidy."""


@dataclass(frozen=True)
class ParsedEntry:
    """One entry as its publisher wrote it, as plain text."""

    guid: str
    """The feed's own id, else its link, its title or its first words."""
    url: str | None
    title: str
    summary: str
    text: str
    """The full content, where the feed carries one beside the summary."""
    language: str | None
    published: datetime | None
    published_text: str = ""
    """The date as its publisher wrote it."""
    words_hash: str = field(default="", compare=False)
    """`content_hash`, where the parser's process has computed it."""
    concerns: bool | None = field(default=None, compare=False)
    """Whether its words pass the gate; None where the parser's process was not told to ask."""


@dataclass(frozen=True)
class ParsedFeed:
    """What was read, and what was wrong with it. `error` means that nothing could be read."""

    format: str = ""
    title: str = ""
    language: str | None = None
    ttl_s: int = 0
    entries: tuple[ParsedEntry, ...] = ()
    problems: tuple[str, ...] = ()
    error: str | None = None
    skip_hours: tuple[int, ...] = ()
    """Hours of the day, UTC, in which the publisher wants no polls."""
    skip_days: tuple[int, ...] = ()
    """Days of the week, Monday is 0."""
    hub: str | None = None
    """A WebSub hub that would push, with the address to subscribe to in `topic`."""
    topic: str | None = None
    behind: tuple[str, ...] = ()
    """Feeds that this document, a web page, names as its own."""


@dataclass(frozen=True)
class Article:
    """The text of a page. `error` says why there is none."""

    text: str = ""
    language: str | None = None
    error: str | None = None


def newest(entries: Sequence[ParsedEntry], limit: int, problems: list[str]) -> list[ParsedEntry]:
    """Keep the newest `limit` entries; undated ones keep their place behind the dated.

    Most feeds put the newest first.
    """
    if len(entries) <= limit:
        return list(entries)
    problems.append(f"{len(entries)} entries; the newest {limit} were read")
    oldest = datetime(1, 1, 1, tzinfo=UTC)
    return sorted(entries, key=lambda entry: entry.published or oldest, reverse=True)[:limit]


def content_hash(entry: ParsedEntry) -> str:
    """Hash the words of an entry: their spacing and Unicode form do not count."""
    return stable_id("content", _words(entry.title), _words(entry.summary), _words(entry.text))


def _words(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    # What is printable has no space but the usual one; most texts are tidy already.
    return text.strip() if "  " not in text and text.isprintable() else " ".join(text.split())


def web_address(candidates: Sequence[object], base: str) -> str | None:
    """Return the first candidate that is a web address of sane length, made absolute."""
    for candidate in candidates:
        if not isinstance(candidate, str) or not candidate.strip():
            continue
        if SETTLED.fullmatch(candidate) and len(candidate) <= MAX_URL:
            return candidate
        try:
            address = urljoin(base, one_line(candidate, markup=False, limit=MAX_URL + 1))
        except ValueError:
            continue
        if address.lower().startswith(("http://", "https://")) and len(address) <= MAX_URL:
            return address
    return None


def language_tag(value: object) -> str | None:
    """Return a language tag in its usual form, or None where it is none."""
    tag = str(value or "").strip().replace("_", "-")
    parts = tag.split("-")
    sane = 2 <= len(parts[0]) <= 3 and all(p.isascii() and p.isalnum() for p in parts) and parts[0].isalpha()
    return "-".join([parts[0].lower(), *parts[1:]])[:35] if sane else None


def shortcomings(entries: Sequence[ParsedEntry]) -> list[str]:
    """Say what the entries lack, for the person who checks a feed."""
    undated = sum(entry.published is None for entry in entries)
    unlinked = sum(entry.url is None for entry in entries)
    ids = Counter(entry.guid for entry in entries)
    repeated = sum(count - 1 for count in ids.values())
    said = [
        (undated, "without a date that can be read"),
        (unlinked, "without a web address"),
        (repeated, "with the id of another entry"),
    ]
    lines = [f"{count} of {len(entries)} entries {what}" for count, what in said if count]
    if len(ids) == 1 and len(entries) > 2:
        lines.append("all entries share one id; they are told apart by their links or titles")
    return lines


def with_language(feed: ParsedFeed) -> ParsedFeed:
    """Detect the language of entries where neither they nor the feed say one."""
    if feed.language or all(entry.language for entry in feed.entries):
        return feed
    from py3langid.langid import classify  # only where it is needed: its table takes memory

    entries = []
    for entry in feed.entries:
        words = f"{entry.title} {entry.summary}"[:400]
        # A few letters are no sample: "OK" is in many languages.
        unsaid = entry.language is None and len(words) > 20
        found = str(classify(words)[0]) if unsaid else None  # type: ignore[no-untyped-call]
        entries.append(replace(entry, language=found) if found else entry)
    return replace(feed, entries=tuple(entries))
