"""How the service and its parser processes speak: frames of bytes, results as JSON.

This stands apart from the parser, so that the service imports none of its libraries.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from datetime import datetime
from typing import Any

from services.ingest.parsed import ParsedEntry, ParsedFeed

_FEED_FIELDS = tuple(field.name for field in fields(ParsedFeed))
_ENTRY_FIELDS = tuple(field.name for field in fields(ParsedEntry))


def pack(data: bytes) -> bytes:
    """Frame `data`."""
    return struct.pack(">I", len(data)) + data


def dump(feed: ParsedFeed) -> bytes:
    """Write a result as JSON; `load` reads it."""
    # Tuples of values, not `asdict`: it copies every string of every entry, one by one.
    values = {name: getattr(feed, name) for name in _FEED_FIELDS}
    values["entries"] = [[getattr(entry, name) for name in _ENTRY_FIELDS] for entry in feed.entries]
    return json.dumps(values, default=lambda moment: moment.isoformat()).encode()


def load(data: bytes) -> ParsedFeed:
    """Read what `dump` wrote."""
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(data).items()
    }
    entries = []
    for values in given["entries"]:
        named = dict(zip(_ENTRY_FIELDS, values, strict=True))
        if named["published"]:
            named["published"] = datetime.fromisoformat(named["published"])
        entries.append(ParsedEntry(**named))
    return ParsedFeed(**(given | {"entries": tuple(entries)}))
