"""The JSON Schema of `feeds.yaml`, which editors complete and check it by."""

from __future__ import annotations

import json
from typing import Any

from services.ingest.sources.feeds_file import FeedsFile


def feeds_schema() -> str:
    """Write the schema; a plain address stands for a feed, and durations are words."""
    schema: dict[str, Any] = FeedsFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Feeds that Code Grey reads"
    feeds = schema["properties"]["feeds"]
    feeds["items"] = {"anyOf": [{"type": "string", "format": "uri"}, feeds["items"]]}
    for part in (schema, *schema["$defs"].values()):
        for name, field in part.get("properties", {}).items():
            field.pop("title", None)
            if name == "interval":
                field |= {"type": ["integer", "string"], "pattern": r"^\d+\s*[smhd]$", "default": "15m"}
            elif field.get("type") == "array" and part is schema:
                # An empty key is an empty list.
                field["type"] = ["array", "null"]
    return json.dumps(schema, indent=2) + "\n"
