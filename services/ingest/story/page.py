"""Tell the page behind an address, however it was linked: by phone, by an AMP copy, from a search, with tracking."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from services.ingest.story.urls import TRACKING
from shared.ids import stable_id

_FACES = ("www.", "m.", "mobile.", "amp.", "wap.", "touch.")
"""Names before a site's own by which it serves the same pages to other devices."""
_WRAPPED = re.compile(r"https?://(?:[\w-]+\.)?(?:google\.[a-z.]+/url|bing\.com/news/apiclick\.aspx)\?", re.IGNORECASE)
_AMP_COPY = re.compile(
    r"https?://(?:[\w-]+\.cdn\.ampproject\.org/[a-z]/|(?:www\.)?google\.[a-z.]+/amp/)(s/)?(?=[\w-]+\.)", re.IGNORECASE
)
_AMP_PATH = re.compile(r"^/amp(?=/)|/amp/?$|\.amp$|\.amp(?=\.html?$)", re.IGNORECASE)
_USUAL = re.compile(
    r"https?://(?:www\.)?((?!(?:www|m|mobile|amp|wap|touch)\.)[a-z0-9.-]+\.[a-z]+)(/[\w/~-]*[\w~-])/?", re.ASCII
)
"""An address that needs no closer look; most are of this kind."""
_INDEX = re.compile(r"/(?:index\.(?:html?|php))?$", re.IGNORECASE)
_FROM_WHERE = frozenset(
    {"amp", "outputtype", "ref", "ref_src", "referrer", "source", "src", "cmpid", "cmp", "ocid", "ito", "_ga", "_gl"}
    | {"s_cid", "ncid", "smid", "sh", "spm", "wt_mc", "wt_zmc", "mkt_tok", "oly_enc_id", "rss"}
)
_SERIES = ("utm_", "at_", "pk_", "mtm_", "hsa_", "_hs", "vero_", "trk_")


@lru_cache(8_192)
def page_key(url: str | None) -> str | None:
    """Return what all addresses of one page share; None where there is no page, or a site's front page."""
    form = page_form(url) if url else None
    return stable_id("page", form) if form else None


def page_form(url: str) -> str | None:
    """Write host, path and query as every address of that page is written."""
    if (usual := _USUAL.fullmatch(url)) and "amp" not in url and len(url) < 2_000:
        return f"{usual.group(1)}{usual.group(2)}"
    try:
        parts = urlsplit(_unwrapped(url.strip()))
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return None
    for face in _FACES:
        if host.startswith(face) and host.count(".") >= 2:
            host = host.removeprefix(face)
    if port not in {None, 80, 443}:
        host = f"{host}:{port}"
    path = _INDEX.sub("", _AMP_PATH.sub("", parts.path))
    query = _kept(parts.query) if parts.query else ""
    if not path and not query:
        return None
    return f"{host}{quote(path, safe='/%:@!$&()*+,;=~-._')}{query}"[:2_000]


def _kept(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = sorted(pair for pair in pairs if not _tells_from_where(pair[0].lower()))
    return f"?{urlencode(kept)}" if kept else ""


def _tells_from_where(key: str) -> bool:
    return key in TRACKING or key in _FROM_WHERE or key.startswith(_SERIES)


def _unwrapped(url: str) -> str:
    """Take an address out of the one that a search or a copy of Google's wraps around it."""
    if _WRAPPED.match(url):
        given = dict(parse_qsl(urlsplit(url).query))
        inner = given.get("url") or given.get("q") or ""
        return inner if inner.startswith(("http://", "https://")) else url
    if copy := _AMP_COPY.match(url):
        return f"http{'s' if copy.group(1) else ''}://{url[copy.end() :]}"
    return url
