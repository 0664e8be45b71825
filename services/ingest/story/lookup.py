"""Find an article by its address, in whichever way a feed or a person wrote it; and whose it would be."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import ColumnElement

from services.ingest.decide import link_key
from services.ingest.story.page import page_key
from services.ingest.story.urls import host_of
from services.ingest.tables import entry

_FACES = ("www.", "m.", "mobile.", "amp.")
"""Hosts that begin so show the same pages as the host without it."""


def complete(url: str) -> str:
    """Return an address that was copied without its scheme as one with it."""
    return url.strip() if "://" in url else f"https://{url.strip()}"


def spellings(url: str) -> set[str]:
    """Return the keys under which the page at `url` may be known.

    With http or https, with or without `www.`, its face for telephones, the closing slash, `/amp`.
    """
    key = link_key(complete(url)) or ""
    try:
        parts = urlsplit(key)
        host = parts.netloc
    except ValueError:
        return {url.strip(), key}
    face = next((one for one in _FACES if host.startswith(one)), "")
    bare = host.removeprefix(face)
    path = parts.path.removesuffix("/amp") or "/"
    paths = {parts.path, path, path.rstrip("/") or "/", f"{path.rstrip('/')}/"}
    return {url.strip(), key} | {
        urlunsplit((scheme, name, one, parts.query, ""))
        for scheme in ("http", "https")
        for name in (host, bare, f"www.{bare}")
        for one in paths
    }


def links_to(url: str) -> ColumnElement[bool]:
    """Return the condition under which an entry links to the page at `url`."""
    # The key is of the page (whatever its spelling); entries stored by earlier versions have their address as key.
    return entry.c.link_key.in_(sorted(spellings(url) | {page_key(complete(url)) or ""}))


def site_of(url: str) -> str:
    """Return the domain under which somebody registered the site: example.co.uk for news.example.co.uk.

    Of a host that is no public name, the host itself.
    """
    from tld import get_fld

    try:
        found = get_fld(complete(url), fail_silently=True)
    except ValueError:
        found = None
    return str(found) if found else host_of(complete(url)).removeprefix("www.")


def is_search(url: str) -> bool:
    """Say whether a feed asks a search, which may carry articles of any site."""
    try:
        query = urlsplit(url).query
    except ValueError:
        return False
    return any(part.partition("=")[0] in {"q", "query", "search", "s", "term", "keywords"} for part in query.split("&"))
