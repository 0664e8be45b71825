"""Write RSS 2.0 and Atom 1.0 documents; the same entries always give the same bytes."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from html import escape
from xml.etree import ElementTree as ET

from services.launcher.demo.edition import Entry
from services.launcher.demo.samples import Outlet

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}

ET.register_namespace("content", CONTENT)


def write_feed(outlet: Outlet, shown: tuple[Entry, ...], changed: datetime, address: str) -> bytes:
    """Write an outlet's feed; `address` is where the outlet is served, without a slash at the end."""
    root = _rss(outlet, shown, changed, address) if outlet.format == "rss" else _atom(outlet, shown, changed, address)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def guid(outlet: Outlet, entry: Entry) -> str:
    """Return the id of an entry, which stays when the address does not."""
    return f"https://{outlet.host}/{entry.article.slug}"


def paragraphs(text: str) -> str:
    """Turn plain text into HTML paragraphs."""
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in text.split("\n\n"))


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text or None
    return child


def _rss(outlet: Outlet, shown: tuple[Entry, ...], changed: datetime, address: str) -> ET.Element:
    root = ET.Element("rss", version="2.0")
    channel = _add(root, "channel")
    _add(channel, "title", outlet.name)
    _add(channel, "link", f"{address}/")
    _add(channel, "description", f"{outlet.name}: sample articles of the Code Grey demo")
    _add(channel, "language", outlet.language)
    _add(channel, "lastBuildDate", format_datetime(changed))
    for entry in shown:
        item = _add(channel, "item")
        _add(item, "title", entry.version.title)
        _add(item, "link", f"{address}/{entry.article.slug}")
        _add(item, "guid", guid(outlet, entry), isPermaLink="false")
        _add(item, "pubDate", format_datetime(entry.published))
        _add(item, "description", entry.version.summary)
        if outlet.carries == "text":
            _add(item, f"{{{CONTENT}}}encoded", paragraphs(entry.version.text))
    return root


def _atom(outlet: Outlet, shown: tuple[Entry, ...], changed: datetime, address: str) -> ET.Element:
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": outlet.language})
    _add(root, "title", outlet.name)
    _add(root, "id", f"https://{outlet.host}/")
    _add(root, "link", href=f"{address}/")
    _add(root, "link", rel="self", href=f"{address}/feed.xml")
    _add(root, "updated", changed.isoformat())
    _add(_add(root, "author"), "name", outlet.name)
    for entry in shown:
        item = _add(root, "entry")
        _add(item, "title", entry.version.title)
        _add(item, "link", href=f"{address}/{entry.article.slug}")
        _add(item, "id", guid(outlet, entry))
        _add(item, "published", entry.published.isoformat())
        _add(item, "updated", entry.updated.isoformat())
        _add(item, "summary", entry.version.summary)
        if outlet.carries == "text":
            _add(item, "content", paragraphs(entry.version.text), type="html")
    return root
