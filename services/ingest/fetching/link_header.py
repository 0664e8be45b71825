"""Read HTTP's Link header (RFC 8288), as far as it names hubs and topics."""

from __future__ import annotations

import re

from services.ingest.parsing.parsed import web_address

MOST = 16 * 1024
_LINK = re.compile(r'<([^<>]{1,2000})>((?:\s*;\s*[a-zA-Z*-]{1,40}\s*=\s*(?:"[^"]{0,400}"|[^\s;,"]{1,400}))*)')
_SAID = re.compile(r';\s*([a-zA-Z*-]{1,40})\s*=\s*(?:"([^"]{0,400})"|([^\s;,"]{1,400}))')


def link_of(header: str, rel: str, base: str) -> str | None:
    """Return the first web address that the header relates as `rel`, made absolute."""
    for found in _LINK.finditer(header[:MOST]) if rel in header.lower() else ():
        # The first `rel` of a link counts, and one inside a title is none.
        said = [quoted or bare for name, quoted, bare in _SAID.findall(found.group(2)) if name.lower() == "rel"]
        relations = said[0].lower().split() if said else []
        if rel in relations and (address := web_address([found.group(1)], base)):
            return address
    return None
