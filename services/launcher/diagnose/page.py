"""Fetch one article for `codegrey explain URL`, as politely as ingest does: its limits, its robots.txt, its parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import unescape

from services.ingest.fetching.addresses import make_policy, parse_networks
from services.ingest.fetching.fetch import Fetcher, Wishes
from services.ingest.fetching.robots import Robots
from services.ingest.fetching.user_agent import user_agent
from services.ingest.parsing.clean import one_line
from services.ingest.parsing.dates import read_date
from services.ingest.parsing.parsers import parsers
from shared.errors import Permanent
from shared.settings import Settings

_WISHES = Wishes(max_body=8 * 1024**2, within_s=30.0, accept="text/html, application/xhtml+xml;q=0.9, */*;q=0.3")
_PAGES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""})
# A page's head stands at its beginning; no tag of interest is longer than this.
_HEAD_CHARACTERS = 400_000
_META = re.compile(r"<meta\s[^<>]{1,4000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]{0,4000})"|'([^']{0,4000})')""")
_TITLE = re.compile(r"<title\b[^<>]{0,400}>([^<]{1,4000})</title", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_TITLES = ("og:title", "twitter:title")
_DATES = ("article:published_time", "og:article:published_time", "datepublished", "date", "dc.date")


@dataclass(frozen=True, slots=True)
class Page:
    """Hold what a page says: its article's title, text, language and date, and where it was in the end."""

    url: str
    title: str
    text: str
    language: str | None
    published: datetime | None


async def fetch_page(settings: Settings, url: str, *, allow_private: bool = False) -> Page:
    """Fetch a page and find its article; Permanent says in a sentence why there is none."""
    policy = make_policy(parse_networks(settings.private_feeds), allow_private=allow_private)
    fetcher = Fetcher(policy, user_agent=user_agent())
    try:
        if refusal := await Robots().refuses(url, fetcher):
            raise Permanent(f"{url}: {refusal}")
        fetched = await fetcher.fetch(url, wishes=_WISHES)
    finally:
        await fetcher.aclose()
    if fetched.error or fetched.status != 200:
        hint = " (--allow-private reads pages of your own network)" if "refused:" in (fetched.error or "") else ""
        raise Permanent(f"{url}: {fetched.error or f'the page answered {fetched.status}'}{hint}")
    kind = fetched.headers.get("content-type", "text/html")
    if kind.split(";")[0].strip().lower() not in _PAGES:
        raise Permanent(f"{url}: the address leads to {kind[:60]}, not to a page")
    async with parsers(1) as pool:
        article = await pool.article(fetched.body, url=fetched.final_url, content_type=kind)
    title, published = headline(fetched.body, kind)
    if article.error and not title:
        raise Permanent(f"{url}: {article.error}")
    return Page(fetched.final_url, title, article.text, article.language, published)


def headline(body: bytes, content_type: str) -> tuple[str, datetime | None]:
    """Return the title and the date that a page's head tells."""
    head = _decoded(body, content_type)
    told: dict[str, str] = {}
    for found in _META.findall(head):
        given = {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(found)}
        name = given.get("property") or given.get("name") or given.get("itemprop") or ""
        told.setdefault(name.lower(), given.get("content", ""))
    plain = _TITLE.search(head)
    title = next((told[name] for name in _TITLES if told.get(name)), plain[1] if plain else "")
    published = next((date for name in _DATES if (date := read_date(told.get(name)))), None)
    return one_line(unescape(title), markup=False, limit=1_000), published


def _decoded(body: bytes, content_type: str) -> str:
    start = body[:_HEAD_CHARACTERS]
    named = _CHARSET.search(content_type.encode("latin-1", "replace")) or _CHARSET.search(start[:4_000])
    for charset in (named[1].decode("ascii") if named else "utf-8", "utf-8", "cp1252"):
        try:
            return start.decode(charset)
        except UnicodeDecodeError as error:
            if error.start > len(start) - 8:
                return start[: error.start].decode(charset)
        except LookupError:
            continue
    return start.decode("utf-8", "replace")
