"""Lists of feeds as other readers keep them: OPML in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree  # type: ignore[import-untyped]

from services.ingest.parsing.clean import one_line
from services.ingest.sources.feeds import Feed
from shared.errors import ConfigError

MAX_BYTES = 16 * 1024**2


def read_opml(content: bytes) -> Iterator[Feed]:
    """Yield the feeds of an OPML file; raises ConfigError where it is none. Entries without an address are left."""
    if len(content) > MAX_BYTES:
        raise ConfigError("the OPML file is larger than 16 MB")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(content, parser) if content.strip() else None
    if root is None or root.tag.lower() != "opml":
        raise ConfigError("this is no OPML file")
    for outline in root.iter("outline"):
        values = {name.lower(): value for name, value in outline.attrib.items()}
        url = values.get("xmlurl", "").strip()
        if not url:
            continue
        name = one_line(values.get("title") or values.get("text") or "", markup=False, limit=200)
        try:
            yield Feed(url=url, name="" if name == url else name, language=_language(values.get("language")))
        except ValueError:
            continue


def _language(tag: str | None) -> str | None:
    try:
        return Feed(url="https://feed.example/", language=tag).language
    except ValueError:
        return None


def write_opml(feeds: Iterable[Feed]) -> bytes:
    """Write feeds as OPML 2.0; what only this program knows of them is left behind."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = "Code Grey"
    body = etree.SubElement(root, "body")
    for feed in feeds:
        if feed.page or feed.json_api:
            continue  # no other reader could read it
        outline = etree.SubElement(body, "outline", type="rss", text=feed.label, title=feed.label, xmlUrl=feed.url)
        if feed.language:
            outline.set("language", feed.language)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written
