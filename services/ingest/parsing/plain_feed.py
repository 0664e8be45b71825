"""Read a feed that is as it should be, quickly: well-formed RSS 2.0 or Atom 1.0 without peculiarities.

Most feeds are of that kind, and lxml reads them in a tenth of feedparser's time. Whatever is
odd in any way (not well-formed, a document type, relative bases, other versions, markup where
text belongs) is left to feedparser: this returns None rather than guess. A test holds that
both give the same for every document that this one accepts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from services.ingest.parsing.clean import one_line, plain
from services.ingest.parsing.dates import sane
from services.ingest.parsing.parsed import MAX_ID, MAX_TITLE, ParsedEntry, language_tag, web_address
from shared.limits import MAX_TEXT

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
XML = "{http://www.w3.org/XML/1998/namespace}"
_UTF8 = re.compile(rb"^\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']utf-?8[\"'][^>]*\?>", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_XML_TYPES = ("application/rss+xml", "application/atom+xml", "application/xml", "text/xml", "application/rdf+xml")
_RSS_DATE = re.compile(
    r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d?) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ((?:19|20)\d\d) "
    r"(\d\d):(\d\d):(\d\d) (GMT|UTC|[+-]\d{4})$"
)
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_GREENWICH = frozenset({"GMT", "UTC", "+0000", "-0000"})
_ATOM_DATE = re.compile(r"^(?:19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$")
# What decides about an entry; anything else in these is passed over as feedparser does.
_RSS_ITEM = frozenset({"title", "link", "description", "guid", "pubDate", CONTENT})
_DC = "{http://purl.org/dc/elements/1.1/}"
_SY = "{http://purl.org/rss/1.0/modules/syndication/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_RSS_PASSED = frozenset(
    {
        "author",
        "category",
        "comments",
        "enclosure",
        f"{_DC}creator",
        f"{_MEDIA}content",
        f"{_MEDIA}thumbnail",
        "{http://wellformedweb.org/CommentAPI/}commentRss",
        "{http://purl.org/rss/1.0/modules/slash/}comments",
    }
)
_REPEATED = frozenset({"item", "category", f"{ATOM}entry", f"{ATOM}link", f"{ATOM}category"})
_NESTED = frozenset({"item", "image", "skipHours", "skipDays", f"{ATOM}entry", f"{ATOM}link"})
_PERSON = frozenset(f"{ATOM}{name}" for name in ("name", "uri", "email"))
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:\S+$")
_GUESSED = re.compile(r"</|&#?\w+;")
"""Where feedparser would look closer whether a text is HTML."""
_RSS_CHANNEL = frozenset(
    {
        "title",
        "link",
        "description",
        "language",
        "ttl",
        "item",
        "lastBuildDate",
        "pubDate",
        "generator",
        "docs",
        "copyright",
        "managingEditor",
        "webMaster",
        "category",
        "image",
        "skipHours",
        "skipDays",
        f"{ATOM}link",
        f"{_SY}updatePeriod",
        f"{_SY}updateFrequency",
    }
)
_ATOM_ENTRY = frozenset(
    f"{ATOM}{name}" for name in ("id", "title", "link", "updated", "published", "summary", "content")
)
_ATOM_PASSED = frozenset(f"{ATOM}{name}" for name in ("author", "category", "contributor", "rights"))
_ATOM_FEED = frozenset(
    f"{ATOM}{name}"
    for name in (
        "title",
        "id",
        "updated",
        "link",
        "entry",
        "subtitle",
        "author",
        "generator",
        "icon",
        "logo",
        "rights",
        "category",
    )
)


class _Odd(Exception):  # noqa: N818 - never leaves this file
    """Something that is feedparser's to judge."""


def read_plain_feed(body: bytes, url: str, content_type: str) -> tuple[dict[str, Any], list[ParsedEntry]] | None:
    """Return the fields of the feed and its entries, or None where another reader must look."""
    kind = content_type.split(";")[0].strip().lower()
    charset = _CHARSET.search(content_type)
    if kind not in _XML_TYPES or (charset and charset.group(1).lower() not in {"utf-8", "utf8"}):
        return None
    head = body[:200].split(b"?>", 1)[0]
    if not body.startswith(b"<") or (b"encoding" in head and not _UTF8.match(body[:200])):
        return None
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"xml:base" in body or b"<?xml-stylesheet" in body[:2_000]:
        return None
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
        if root.tag == "rss" and root.get("version") == "2.0":
            return _rss(root, url)
        if root.tag == f"{ATOM}feed":
            return _atom(root, url)
    except (etree.LxmlError, _Odd, ValueError):
        return None
    return None


def _children(node: Any, known: frozenset[str], passed: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    """Return the children by name; odd where one is unknown or of which there should be one stands twice."""
    found: dict[str, Any] = {}
    if node.text and not node.text.isspace():
        raise _Odd
    for child in node:
        tag = child.tag
        if child.tail and not child.tail.isspace():
            raise _Odd
        if tag in passed:
            if len(child):
                _nobody_else_inside(child)
            continue
        if tag not in known or (tag in found and tag not in _REPEATED):
            raise _Odd
        # Children where only text belongs: feedparser would read them as if they stood outside.
        if tag not in found and len(child) and tag not in _NESTED:
            _nobody_else_inside(child)
        found.setdefault(tag, child)
    return found


def _nobody_else_inside(node: Any) -> None:
    """Refuse what is not a person's name, address or mail."""
    if any(part.tag not in _PERSON or len(part) for part in node):
        raise _Odd


def _entries(root: Any, parent: Any, tag: str) -> list[Any]:
    """Return the entries; odd where some stand elsewhere."""
    entries = list(parent.iterchildren(tag))
    if sum(1 for _ in root.iter("{*}item", "{*}entry")) != len(entries):
        raise _Odd
    return entries


def _text(node: Any) -> str:
    """Return the text of a leaf; odd where it has children or attributes that change its meaning."""
    if node is None:
        return ""
    if len(node) or any(name != "type" and name != "isPermaLink" for name in node.keys()):  # noqa: SIM118 - no dict
        raise _Odd
    return (node.text or "").strip()


def _rss(root: Any, url: str) -> tuple[dict[str, Any], list[ParsedEntry]]:
    if len(root) != 1 or root[0].tag != "channel" or len(root.attrib) != 1:
        raise _Odd
    channel = root[0]
    fields = _children(channel, _RSS_CHANNEL)
    hub, topic = _links(channel, url)
    language = language_tag(_text(fields.get("language")))
    feed = {
        "format": "rss20",
        "title": _rss_title(fields.get("title"), 200),
        "language": language,
        "ttl": _text(fields.get("ttl")),
        "hub": hub,
        "topic": topic,
    }
    return feed, [_rss_item(node, url) for node in _entries(root, channel, "item")]


def _rss_item(node: Any, base: str) -> ParsedEntry:
    fields = _children(node, _RSS_ITEM, _RSS_PASSED)
    link_text, guid_node = _text(fields.get("link")), fields.get("guid")
    guid_text = _text(guid_node)
    if not link_text or not link_text.startswith(("http://", "https://")) or len(link_text.split()) > 1:
        raise _Odd
    title = _rss_title(fields.get("title"), MAX_TITLE)
    summary = plain(_text(fields.get("description")), markup=True, limit=MAX_TEXT)
    text = plain(_text(fields.get(CONTENT)), markup=True, limit=MAX_TEXT)
    return _entry(guid_text, link_text, title, summary, text, _text(fields.get("pubDate")), base)


def _rss_title(node: Any, limit: int) -> str:
    title = _text(node)
    if _GUESSED.search(title):
        raise _Odd
    return one_line(title, markup=False, limit=limit)


def _atom(root: Any, url: str) -> tuple[dict[str, Any], list[ParsedEntry]]:
    if any(name != f"{XML}lang" for name in root.attrib):
        raise _Odd
    fields = _children(root, _ATOM_FEED)
    hub, topic = _links(root, url)
    language = language_tag(root.get(f"{XML}lang"))
    feed = {
        "format": "atom10",
        "title": one_line(_typed(fields.get(f"{ATOM}title")), markup=_is_html(fields.get(f"{ATOM}title")), limit=200),
        "language": language,
        "ttl": "",
        "hub": hub,
        "topic": topic,
    }
    entries = []
    for node in _entries(root, root, f"{ATOM}entry"):
        if node.attrib:
            raise _Odd
        found = _children(node, _ATOM_ENTRY, _ATOM_PASSED)
        parts = [found.get(f"{ATOM}{name}") for name in ("title", "summary", "content")]
        title = one_line(_typed(parts[0]), markup=_is_html(parts[0]), limit=MAX_TITLE)
        summary, text = (plain(_typed(part), markup=_is_html(part), limit=MAX_TEXT) for part in parts[1:])
        guid = _text(found.get(f"{ATOM}id"))
        if not _ABSOLUTE.match(guid):
            raise _Odd
        date = _text(found.get(f"{ATOM}published")) or _text(found.get(f"{ATOM}updated"))
        entries.append(_entry(guid, _alternate(node), title, summary, text, date, url, language))
    return feed, entries


def _is_html(node: Any) -> bool:
    return node is not None and node.get("type") == "html"


def _typed(node: Any) -> str:
    """Return the text of an Atom construct that is text or HTML."""
    if node is not None and node.get("type", "text") not in {"text", "html"}:
        raise _Odd
    return _text(node)


def _alternate(entry: Any) -> str:
    links = list(entry.iterchildren(f"{ATOM}link"))
    if len(links) != 1 or links[0].get("rel", "alternate") != "alternate" or len(links[0]):
        raise _Odd
    href: str = links[0].get("href", "").strip()
    if not href.startswith(("http://", "https://")) or len(href.split()) > 1:
        raise _Odd
    return href


def _links(node: Any, url: str) -> tuple[str | None, str | None]:
    links = {link.get("rel", "alternate"): link.get("href") for link in node.iterchildren(f"{ATOM}link")}
    return web_address([links.get("hub")], url), web_address([links.get("self")], url) or url


def _entry(
    guid: str, link: str, title: str, summary: str, text: str, date: str, base: str, language: str | None = None
) -> ParsedEntry:
    address = web_address([link], base)
    if text in summary:
        text = ""
    elif not summary:
        text, summary = "", text
    guid = one_line(guid, markup=False, limit=MAX_ID) or address or title or summary[:200]
    return ParsedEntry(guid, address, title, summary, text, language, _date(date), date[:64])


def _date(date: str) -> datetime | None:
    """Read the two usual forms; any other is feedparser's to read."""
    if not date:
        return None
    if usual := _RSS_DATE.match(date):
        moment = _written(*usual.groups())
    elif _ATOM_DATE.match(date):
        moment = datetime.fromisoformat(date)
    else:
        raise _Odd
    # Whole seconds, as feedparser gives them.
    return sane(moment.replace(microsecond=0))


def _written(day: str, month: str, year: str, hour: str, minute: str, second: str, zone: str) -> datetime:
    """Put together a date of mail; the general reader of such dates takes four times as long."""
    moment = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    if zone in _GREENWICH:
        return moment
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return moment.replace(tzinfo=timezone(-ahead if zone[0] == "-" else ahead))
