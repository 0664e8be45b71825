"""Read the bytes of a document into plain values. Never raises; runs in a process that can be killed.

feedparser is by far the most correct reader of feeds there is. It is given a stream, never
bytes or a string: those it would also try as a file's name or an address. Its own sanitising
is off (four times faster); everything is made plain text by `services.ingest.parsing.clean` instead.
"""

from __future__ import annotations

import copy
import io
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import feedparser
import feedparser.api
import feedparser.mixin
from feedparser.util import FeedParserDict

from services.ingest.parsing.clean import one_line, plain
from services.ingest.parsing.dates import from_parts
from services.ingest.parsing.json_source import looks_like_json, parse_json_api, parse_json_feed
from services.ingest.parsing.parsed import (
    MAX_ENTRIES,
    MAX_ID,
    MAX_TITLE,
    SETTLED,
    ParsedEntry,
    ParsedFeed,
    language_tag,
    newest,
    shortcomings,
    web_address,
    with_language,
)
from services.ingest.parsing.plain_feed import read_plain_feed
from shared.limits import MAX_TEXT

_MOST_READ = 4 * MAX_ENTRIES
"""Entries of one document that are looked at: a third of a million would take 20 seconds."""
_ENTRY = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:item|entry)[\s>]")
_SKIPPED = re.compile(rb"<skip(Hours|Days)\b[^>]*>(.{0,2000}?)</skip", re.IGNORECASE | re.DOTALL)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# feedparser looks for a driver that no longer exists, on the whole path, for every document.
feedparser.api.PREFERRED_XML_PARSERS = []


def _quickly(join: Callable[[str, str | None], str]) -> Callable[[str, str | None], str]:
    """Join addresses as `join` does: most need no joining, and the rest are the same few again and again."""
    remembered = lru_cache(1_024)(join)

    def quick(base: str, rel: str | None = None) -> str:
        return rel if rel and SETTLED.fullmatch(rel) else remembered(base, rel)

    return quick


class _Copy:
    """Copy what describes a text, a few words, without asking at every depth what it holds."""

    @staticmethod
    def deepcopy(given: Any) -> Any:
        if type(given) is FeedParserDict and all(type(value) in _ATOMS for value in given.values()):
            return FeedParserDict(given)
        return copy.deepcopy(given)


_ATOMS = frozenset({str, int, bool, type(None)})
# Seventeen joins and a dozen copies for a small feed: a sixth of the time it takes.
for _join in ("make_safe_absolute_uri", "_urljoin"):
    setattr(feedparser.mixin, _join, _quickly(getattr(feedparser.mixin, _join)))
feedparser.mixin.copy = _Copy  # type: ignore[attr-defined, assignment]


def parse(body: bytes, *, url: str, content_type: str = "", how: Mapping[str, Any] | None = None) -> ParsedFeed:
    """Parse the document that was fetched from `url`; `how` is for what cannot be recognised by itself.

    `page` is a CSS selector, `json` a mapping in JMESPath, `max_entries` a limit.
    """
    how = how or {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            feed = with_language(_parse(body, url, content_type, how))
    except Exception as error:
        return ParsedFeed(error=f"cannot be parsed: {type(error).__name__}")
    limit = how.get("max_entries")
    if limit and len(feed.entries) > limit:
        problems = list(feed.problems)
        return replace(feed, entries=tuple(newest(feed.entries, limit, problems)), problems=tuple(problems))
    return feed


def _parse(body: bytes, url: str, content_type: str, how: Mapping[str, Any]) -> ParsedFeed:
    if mapping := how.get("json"):
        return parse_json_api(body, url, mapping)
    if selector := how.get("page"):
        from services.ingest.parsing.page import parse_page

        return parse_page(body, url, content_type, selector)
    if looks_like_json(body) and (feed := parse_json_feed(body, url)):
        return feed
    if b"urlset" in body[:4_000] or b"sitemapindex" in body[:4_000]:
        from services.ingest.parsing.page import looks_like_sitemap, parse_sitemap

        if looks_like_sitemap(body):
            return parse_sitemap(body, url)
    return _parse_feed(body, url, content_type)


def _parse_feed(body: bytes, url: str, content_type: str, *, quickly: bool = True) -> ParsedFeed:
    """Read a feed: a plain one with lxml, every other one with feedparser."""
    problems: list[str] = []
    body = _shortened(body, problems)
    if quickly and not problems and (found_quickly := read_plain_feed(body, url, content_type)):
        return _assembled(*found_quickly, body, problems)
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
        return _no_feed(body, url, content_type)
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
    links = {str(link.get("rel") or ""): link.get("href") for link in feed.get("links") or ()}
    fields = {
        "format": version,
        "title": _line(feed.get("title_detail"), feed.get("title"), 200),
        "language": language_tag(feed.get("language")),
        "ttl": feed.get("ttl"),
        "hub": web_address([links.get("hub")], url),
        "topic": web_address([links.get("self")], url) or url,
    }
    return _assembled(fields, entries, body, problems)


def _assembled(fields: dict[str, Any], entries: list[ParsedEntry], body: bytes, problems: list[str]) -> ParsedFeed:
    kept = newest(entries, MAX_ENTRIES, problems)
    hours, days = _skipped(body)
    return ParsedFeed(
        ttl_s=_ttl(fields.pop("ttl")),
        entries=tuple(kept),
        problems=tuple([*problems, *shortcomings(kept)][:20]),
        skip_hours=hours,
        skip_days=days,
        **fields,
    )


def _shortened(body: bytes, problems: list[str]) -> bytes:
    """Cut a document that holds far more entries than are ever kept; its reader copes with the torn end."""
    if body.count(b"<") < _MOST_READ:
        return body
    for number, found in enumerate(_ENTRY.finditer(body)):
        if number == _MOST_READ:
            problems.append(f"more than {_MOST_READ} entries; only the first {_MOST_READ} were looked at")
            return body[: found.start()]
    return body


def _skipped(body: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read RSS's skipHours and skipDays, which feedparser passes over."""
    hours: set[int] = set()
    days: set[int] = set()
    if b"<skip" not in body and b"<SKIP" not in body:
        return (), ()
    for kind, inside in _SKIPPED.findall(body[:200_000]):
        for word in re.findall(r"[A-Za-z0-9]+(?=\s*<)", inside.decode("latin-1")):
            if kind.lower() == b"hours" and word.isdigit() and int(word) <= 24:
                hours.add(int(word) % 24)
            elif word.lower() in _DAYS:
                days.add(_DAYS.index(word.lower()))
    return tuple(sorted(hours)), tuple(sorted(days))


def _entry(entry: Any, base: str) -> ParsedEntry:
    title = _line(entry.get("title_detail"), entry.get("title"), MAX_TITLE)
    link = web_address([entry.get("link"), *(link.get("href") for link in entry.get("links") or ())], base)
    guid = one_line(str(entry.get("id") or ""), markup=False, limit=MAX_ID)
    summary = _body(entry.get("summary_detail"), entry.get("summary"))
    contents = [_body(content, content.get("value")) for content in entry.get("content") or ()]
    text = max(contents, key=len, default="")
    if text in summary:
        text = ""
    elif not summary:
        text, summary = "", text
    guid = guid or link or title or summary[:200]
    language = language_tag((entry.get("title_detail") or {}).get("language"))
    published, written = _date(entry)
    return ParsedEntry(guid, link, title, summary, text, language, published, written)


def _line(detail: Any, value: Any, limit: int) -> str:
    return one_line(str(value or ""), markup=_is_markup(detail), limit=limit)


def _body(detail: Any, value: Any) -> str:
    return plain(str(value or ""), markup=_is_markup(detail), limit=MAX_TEXT)


def _is_markup(detail: Any) -> bool:
    return str((detail or {}).get("type") or "") != "text/plain"


def _date(entry: Any) -> tuple[datetime | None, str]:
    """Return the publication date, else that of the last change, in UTC and as it was written."""
    first = ""
    for name in ("published", "updated", "created"):
        written = one_line(str(dict.get(entry, name) or ""), markup=False, limit=64)
        first = first or written
        if (parts := dict.get(entry, f"{name}_parsed")) and (moment := from_parts(parts)):
            return moment, written
    return None, first


def _ttl(value: Any) -> int:
    """Read RSS's ttl, which is in minutes, as seconds."""
    text = str(value or "").strip()
    return min(int(text), 7 * 24 * 60) * 60 if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _fault(error: object) -> str:
    """Say what feedparser stumbled over, without quoting the document at length."""
    if type(error).__name__ in {"CharacterEncodingOverride", "NonXMLContentType"}:
        return ""  # what the server's header said and the document did not mind
    return one_line(f"not well-formed: {error}", markup=False, limit=300)


def _no_feed(body: bytes, url: str, content_type: str) -> ParsedFeed:
    start = body[:2_000].lstrip().lower()
    if not start:
        return ParsedFeed(error="empty answer")
    if b"<html" in start or start.startswith(b"<!doctype html"):
        from services.ingest.parsing.page import feeds_behind

        behind = tuple(dict.fromkeys(feeds_behind(body, url, content_type)))[:5]
        problems = tuple(f"it names a feed of its own: {address}" for address in behind)
        return ParsedFeed(error="this is a web page, not a feed", behind=behind, problems=problems)
    return ParsedFeed(error="not a feed that can be read (RSS, RDF, Atom, JSON Feed or a sitemap)")
