"""Read JSON: a JSON Feed by its own rules, any other answer by a mapping that a person wrote in JMESPath."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.ingest.parsing.clean import one_line, plain
from services.ingest.parsing.dates import read_date
from services.ingest.parsing.parsed import (
    MAX_ENTRIES,
    MAX_ID,
    MAX_TITLE,
    ParsedEntry,
    ParsedFeed,
    language_tag,
    newest,
    shortcomings,
    web_address,
)
from shared.limits import MAX_TEXT


def looks_like_json(body: bytes) -> bool:
    """Whether the document begins as an object or a list does."""
    return body[:100].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] in {b"{", b"["}


def load_json(body: bytes) -> Any:
    """Read leniently: any Unicode encoding, stray controls, numbers of any length; raises ValueError."""
    try:
        text = body.decode(json.detect_encoding(body))
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
    try:
        return json.loads(text.lstrip("\ufeff"), strict=False, parse_int=str, parse_float=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_json_feed(body: bytes, url: str) -> ParsedFeed | None:
    """Read a JSON Feed, version 1 or 1.1; None where the document is another kind of JSON, or none."""
    try:
        document = load_json(body)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    items = document.get("items")
    said = str(document.get("version") or "")
    if "jsonfeed" not in said and not (isinstance(items, list) and "title" in document):
        return None
    language = language_tag(document.get("language"))
    problems: list[str] = []
    entries = []
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        if not isinstance(item, dict):
            problems.append(f"entry {number} is no object")
            continue
        entries.append(_feed_item(item, url))
    kept = newest(entries, MAX_ENTRIES, problems)
    hubs = [hub.get("url") for hub in document.get("hubs") or () if isinstance(hub, dict)]
    return ParsedFeed(
        format="json11" if said.endswith("1.1") else "json1",
        title=one_line(_text(document.get("title")), markup=False, limit=200),
        language=language,
        entries=tuple(kept),
        problems=tuple([*problems, *shortcomings(kept)][:20]),
        hub=web_address(hubs, url),
        topic=web_address([document.get("feed_url")], url) or url,
    )


def _feed_item(item: Mapping[str, Any], base: str) -> ParsedEntry:
    link = web_address([item.get("url"), item.get("external_url"), item.get("id")], base if item.get("url") else "")
    title = one_line(_text(item.get("title")), markup=False, limit=MAX_TITLE)
    html, words = _text(item.get("content_html")), _text(item.get("content_text"))
    text = plain(html, markup=True, limit=MAX_TEXT) or plain(words, markup=False, limit=MAX_TEXT)
    summary = plain(_text(item.get("summary")), markup=False, limit=MAX_TEXT)
    if not summary:
        summary, text = text, ""
    date = _text(item.get("date_published")) or _text(item.get("date_modified"))
    guid = one_line(_text(item.get("id")), markup=False, limit=MAX_ID) or link or title or summary[:200]
    language = language_tag(item.get("language"))
    return ParsedEntry(guid, link, title, summary, text, language, read_date(date), date[:64])


def parse_json_api(body: bytes, url: str, mapping: Mapping[str, str]) -> ParsedFeed:
    """Read any JSON: `entries` finds the list, every other expression is asked of each of its members."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        document = load_json(body)
    except ValueError as error:
        return ParsedFeed(error=f"not JSON: {one_line(str(error), markup=False, limit=200)}")
    try:
        found = jmespath.search(mapping["entries"], document)
    except JMESPathError as error:
        return ParsedFeed(error=f"entries: {mapping['entries']!r} cannot be asked of this answer: {error}"[:300])
    if not isinstance(found, list):
        return ParsedFeed(error=f"entries: {mapping['entries']!r} finds no list in this answer")
    fields = {name: jmespath.compile(expression) for name, expression in mapping.items() if name != "entries"}
    problems: list[str] = []
    entries: list[ParsedEntry] = []
    for number, member in enumerate(found, start=1):
        values = {}
        for name, expression in fields.items():
            try:
                values[name] = _text(expression.search(member))
            except JMESPathError as error:
                problems.append(f"entry {number}: {name}: {error}"[:200])
        entries.append(_api_entry(values, url))
    kept = newest(entries, MAX_ENTRIES, problems)
    return ParsedFeed(format="json", entries=tuple(kept), problems=tuple([*problems, *shortcomings(kept)][:20]))


def _api_entry(values: Mapping[str, str], base: str) -> ParsedEntry:
    title = one_line(values.get("title", ""), markup=True, limit=MAX_TITLE)
    summary = plain(values.get("summary", ""), markup=True, limit=MAX_TEXT)
    text = plain(values.get("text", ""), markup=True, limit=MAX_TEXT)
    link = web_address([values.get("url")], base)
    date = values.get("published", "")
    # A tracker's record has often no id: its own words are what it is known by.
    guid = one_line(values.get("id", ""), markup=False, limit=MAX_ID) or link or f"{title} {date}".strip()
    return ParsedEntry(
        guid, link, title, summary, text, language_tag(values.get("language")), read_date(date), date[:64]
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(part for part in map(_text, value) if part)
    return "" if value is None or isinstance(value, dict) else str(value)
