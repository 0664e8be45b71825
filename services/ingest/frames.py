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

NUMBER = struct.Struct(">q")
"""How process ids are told."""
_FEED_FIELDS = tuple(field.name for field in fields(ParsedFeed))
_ENTRY_FIELDS = tuple(field.name for field in fields(ParsedEntry))
_PUBLISHED = _ENTRY_FIELDS.index("published")


def pack(data: bytes) -> bytes:
    """Frame `data`."""
    return struct.pack(">I", len(data)) + data


def dump(feed: ParsedFeed) -> bytes:
    """Write a result as JSON; `load` reads it."""
    # Lists of values, not `asdict`: it copies every string of every entry, one by one.
    values = {name: getattr(feed, name) for name in _FEED_FIELDS}
    values["entries"] = [[getattr(entry, name) for name in _ENTRY_FIELDS] for entry in feed.entries]
    return json.dumps(values, default=lambda moment: moment.isoformat()).encode()


def load(data: bytes) -> ParsedFeed:
    """Read what `dump` wrote."""
    from pydantic_core import from_json  # for the service alone: its parsers need no such library

    try:
        read = from_json(data)
    except ValueError:  # half a character, which it refuses
        read = json.loads(data)
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}
    entries = []
    for values in given["entries"]:
        if values[_PUBLISHED]:
            values[_PUBLISHED] = datetime.fromisoformat(values[_PUBLISHED])
        entries.append(ParsedEntry(*values))
    return ParsedFeed(**(given | {"entries": tuple(entries)}))
