"""Read HTTP's Link header (RFC 8288), as far as it names hubs and topics."""

from __future__ import annotations

import re

from services.ingest.parsed import web_address

MOST = 16 * 1024
_LINK = re.compile(r'<([^<>]{1,2000})>((?:\s*;\s*[a-zA-Z*-]{1,40}\s*=\s*(?:"[^"]{0,400}"|[^\s;,"]{1,400}))*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)


def link_of(header: str, rel: str, base: str) -> str | None:
    """Return the first web address that the header relates as `rel`, made absolute."""
    for found in _LINK.finditer(header[:MOST]) if rel in header.lower() else ():
        said = _REL.search(found.group(2))
        relations = (said.group(1) or said.group(2) or "").lower().split() if said else []
        if rel in relations and (address := web_address([found.group(1)], base)):
            return address
    return None
