"""Read the bytes of a feed into plain values. Never raises; runs in a process that can be killed.

feedparser is by far the most correct reader there is. It is given a stream, never bytes or
a string: those it would also try as a file's name or an address. Its own sanitising is off
(four times faster); everything is made plain text by `services.ingest.clean` instead.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import feedparser

from services.ingest.clean import one_line, plain
from shared.events import MAX_TEXT

MAX_ENTRIES = 5_000
MAX_TITLE = 4_000
MAX_URL = 2_000
MAX_ID = 2_000
PARSER_VERSION = 1
"""Raise it where the same bytes give other entries, so that unchanged feeds are read again."""


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


def parse(body: bytes, *, url: str, content_type: str = "") -> ParsedFeed:
    """Parse the feed that was fetched from `url`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parse(body, url, content_type)
    except Exception as error:
        return ParsedFeed(error=f"cannot be parsed: {type(error).__name__}")


def _parse(body: bytes, url: str, content_type: str) -> ParsedFeed:
    headers = {"content-location": url}
    if content_type:
        headers["content-type"] = content_type
    found = feedparser.parse(  # type: ignore[attr-defined, no-untyped-call]
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    version = str(found.get("version") or "")
    feed: Mapping[str, Any] = found.get("feed") or {}
    raw = list(found.get("entries") or ())
    if not version and not raw:
        return ParsedFeed(error=_no_feed(body))
    problems = []
    if found.get("bozo") and (fault := _fault(found.get("bozo_exception"))):
        problems.append(fault)
    entries = []
    for number, entry in enumerate(raw, start=1):
        try:
            read = _entry(entry, url)
        except Exception as error:
            problems.append(f"entry {number} cannot be read: {type(error).__name__}")
            continue
        if not read.guid:
            problems.append(f"entry {number} has neither id, link, title nor text")
        entries.append(read)
    if len(entries) > MAX_ENTRIES:
        problems.append(f"{len(entries)} entries; the newest {MAX_ENTRIES} were read")
        # Undated entries keep their place behind the dated ones: most feeds put the newest first.
        oldest = datetime(1, 1, 1, tzinfo=UTC)
        entries = sorted(entries, key=lambda entry: entry.published or oldest, reverse=True)[:MAX_ENTRIES]
    return ParsedFeed(
        format=version,
        title=_line(feed.get("title_detail"), feed.get("title"), 200),
        language=_language(feed.get("language")),
        ttl_s=_ttl(feed.get("ttl")),
        entries=tuple(entries),
        problems=tuple([*problems, *_shortcomings(entries)][:20]),
    )


def _entry(entry: Any, base: str) -> ParsedEntry:
    title = _line(entry.get("title_detail"), entry.get("title"), MAX_TITLE)
    link = _link(entry, base)
    guid = one_line(str(entry.get("id") or ""), markup=False, limit=MAX_ID)
    summary = _body(entry.get("summary_detail"), entry.get("summary"))
    contents = [_body(content, content.get("value")) for content in entry.get("content") or ()]
    text = max(contents, key=len, default="")
    if text in summary:
        text = ""
    elif not summary:
        text, summary = "", text
    guid = guid or link or title or summary[:200]
    language = _language((entry.get("title_detail") or {}).get("language"))
    return ParsedEntry(guid, link, title, summary, text, language, _date(entry))


def _link(entry: Any, base: str) -> str | None:
    candidates = [entry.get("link"), *(link.get("href") for link in entry.get("links") or ())]
    for candidate in candidates:
        if not isinstance(candidate, str) or not candidate.strip():
            continue
        try:
            address = urljoin(base, one_line(candidate, markup=False, limit=MAX_URL + 1))
        except ValueError:
            continue
        if address.lower().startswith(("http://", "https://")) and len(address) <= MAX_URL:
            return address
    return None


def _line(detail: Any, value: Any, limit: int) -> str:
    return one_line(str(value or ""), markup=_is_markup(detail), limit=limit)


def _body(detail: Any, value: Any) -> str:
    return plain(str(value or ""), markup=_is_markup(detail), limit=MAX_TEXT)


def _is_markup(detail: Any) -> bool:
    return str((detail or {}).get("type") or "") != "text/plain"


def _date(entry: Any) -> datetime | None:
    """Return the publication date, else that of the last change, in UTC; None where there is no sane one."""
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        moment = dict.get(entry, name)
        if not moment:
            continue
        try:
            year, month, day, hour, minute, second = (int(part) for part in moment[:6])
            date = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        except (TypeError, ValueError, OverflowError):
            continue
        if 1990 <= date.year <= 2100:
            return date
    return None


def _language(value: Any) -> str | None:
    tag = str(value or "").strip().replace("_", "-")
    parts = tag.split("-")
    sane = 2 <= len(parts[0]) <= 3 and all(p.isascii() and p.isalnum() for p in parts) and parts[0].isalpha()
    return "-".join([parts[0].lower(), *parts[1:]])[:35] if sane else None


def _ttl(value: Any) -> int:
    """Read RSS's ttl, which is in minutes, as seconds."""
    text = str(value or "").strip()
    return min(int(text), 7 * 24 * 60) * 60 if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _fault(error: object) -> str:
    """Say what feedparser stumbled over, without quoting the document at length."""
    if type(error).__name__ in {"CharacterEncodingOverride", "NonXMLContentType"}:
        return ""  # what the server's header said and the document did not mind
    return one_line(f"not well-formed: {error}", markup=False, limit=300)


def _shortcomings(entries: list[ParsedEntry]) -> list[str]:
    undated = sum(entry.published is None for entry in entries)
    unlinked = sum(entry.url is None for entry in entries)
    repeated = sum(count - 1 for count in Counter(entry.guid for entry in entries).values())
    said = [
        (undated, "without a date that can be read"),
        (unlinked, "without a web address"),
        (repeated, "with the id of another entry"),
    ]
    return [f"{count} of {len(entries)} entries {what}" for count, what in said if count]


def _no_feed(body: bytes) -> str:
    start = body[:2_000].lstrip().lower()
    if not start:
        return "empty answer"
    if b"<html" in start or start.startswith(b"<!doctype html"):
        return "this is a web page, not a feed"
    return "not a feed that can be read (RSS, RDF or Atom)"
