"""Read what is no feed: the links of a web page by a CSS selector, a sitemap, the text of an article.

All of it runs in the parser's process, since the trees are lxml's: no network, no entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree, html  # type: ignore[import-untyped]

from services.ingest.parsing.clean import one_line, plain
from services.ingest.parsing.dates import read_date
from services.ingest.parsing.parsed import (
    MAX_ENTRIES,
    MAX_TITLE,
    Article,
    ParsedEntry,
    ParsedFeed,
    language_tag,
    newest,
    shortcomings,
    web_address,
)
from shared.limits import MAX_TEXT

_SITEMAP = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(urlset|sitemapindex)[\s>]")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_SHORTEST_ARTICLE = 200
"""Characters below which a page gave no article but some furniture."""


def looks_like_sitemap(body: bytes) -> bool:
    """Whether the root is that of a sitemap or of an index of them."""
    return _SITEMAP.search(body[:4_000]) is not None


def parse_sitemap(body: bytes, url: str) -> ParsedFeed:
    """Read a news sitemap, or a plain one, whose addresses are all that it tells."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    root = etree.fromstring(body, parser)
    if root is None:
        return ParsedFeed(error="a sitemap that cannot be read")
    if _name(root) == "sitemapindex":
        found = [(one.text or "").strip() for one in root.iter() if _name(one) == "loc"]
        return ParsedFeed(error=f"an index of sitemaps: configure one of them, such as {', '.join(found[:3])}"[:500])
    problems: list[str] = []
    entries = [_sitemap_entry(node, url) for node in root.iter() if _name(node) == "url"]
    kept = newest([entry for entry in entries if entry.url], MAX_ENTRIES, problems)
    return ParsedFeed(format="sitemap", entries=tuple(kept), problems=tuple([*problems, *shortcomings(kept)][:20]))


def _sitemap_entry(node: Any, base: str) -> ParsedEntry:
    values: dict[str, str] = {}
    for child in node.iter():
        if child.text and (name := _name(child)):
            values.setdefault(name, child.text.strip())
    link = web_address([values.get("loc")], base)
    date = values.get("publication_date") or values.get("lastmod") or ""
    title = one_line(values.get("title", ""), markup=False, limit=MAX_TITLE) or _title_in(link or "")
    summary = plain(values.get("keywords", ""), markup=False, limit=2_000)
    return ParsedEntry(
        link or "", link, title, summary, "", language_tag(values.get("language")), read_date(date), date[:64]
    )


def _title_in(link: str) -> str:
    """Read the words that most publishers write into an article's address."""
    last = link.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return one_line(re.sub(r"[-_+]+", " ", last), markup=False, limit=MAX_TITLE)


def _name(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1].rsplit(":", 1)[-1] if isinstance(node.tag, str) else ""


def parse_page(body: bytes, url: str, content_type: str, selector: str) -> ParsedFeed:
    """Read the links that `selector` finds: an `a` itself, or the first one inside what it finds."""
    root = _tree(body, content_type)
    if root is None:
        return ParsedFeed(error="a page that cannot be read")
    entries: dict[str, ParsedEntry] = {}
    for node in root.cssselect(selector):
        if entry := _linked(node, url):
            entries.setdefault(entry.guid, entry)
    if not entries:
        return ParsedFeed(error=f"the selector {selector!r} finds no link on this page")
    problems: list[str] = []
    kept = newest(list(entries.values()), MAX_ENTRIES, problems)
    return ParsedFeed(
        format="page",
        title=one_line(str(root.findtext(".//title") or ""), markup=False, limit=200),
        language=language_tag(root.get("lang")),
        entries=tuple(kept),
        problems=tuple([*problems, *shortcomings(kept)][:20]),
    )


def _linked(node: Any, base: str) -> ParsedEntry | None:
    anchor = node if node.tag == "a" else next(iter(node.iter("a")), None)
    if anchor is None or (link := web_address([anchor.get("href")], base)) is None:
        return None
    words = _words(node)
    title = (_words(anchor) or one_line(anchor.get("title") or "", markup=False, limit=MAX_TITLE) or words)[:MAX_TITLE]
    summary = words if node is not anchor and words != title else ""
    date = next((str(time.get("datetime") or time.text or "") for time in node.iter("time")), "")
    return ParsedEntry(link, link, title, summary[:MAX_TEXT], "", None, read_date(date), date[:64])


def _words(node: Any) -> str:
    return one_line(" ".join(node.itertext()), markup=False, limit=MAX_TEXT)


def _tree(body: bytes, content_type: str) -> Any:
    declared = _CHARSET.search(content_type)
    try:
        return html.document_fromstring(body, html.HTMLParser(encoding=declared.group(1) if declared else None))
    except (etree.LxmlError, LookupError, ValueError):
        try:
            return html.document_fromstring(body)
        except (etree.LxmlError, ValueError):
            return None


def feeds_behind(body: bytes, url: str, content_type: str = "") -> Iterator[str]:
    """Yield the addresses of the feeds that a web page names as its own."""
    root = _tree(body, content_type)
    if root is None:
        return
    for link in root.iter("link"):
        kind = (link.get("type") or "").lower()
        named = "alternate" in (link.get("rel") or "").lower().split()
        if named and any(word in kind for word in ("rss", "atom", "rdf", "feed+json")):
            found = web_address([link.get("href")], url)
            if found:
                yield found


def extract_article(body: bytes, url: str, content_type: str = "") -> Article:
    """Find the article on a page and return its text; the page's furniture stays behind. Never raises."""
    try:
        import trafilatura

        root = _tree(body, content_type)
        if root is None:
            return Article(error="a page that cannot be read")
        found = trafilatura.extract(root, url=url, fast=True, include_comments=False, include_tables=False)
        text = plain(found or "", markup=False, limit=MAX_TEXT)
        if len(text) < _SHORTEST_ARTICLE:
            return Article(error="no article was found on the page")
        return Article(text, language_tag(root.get("lang")))
    except Exception as error:
        return Article(error=f"the page cannot be read: {type(error).__name__}")
