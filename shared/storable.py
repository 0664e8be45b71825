"""Make text that others wrote fit for the database: it takes no NUL, and no half of a surrogate pair."""

from __future__ import annotations

import re

_NEVER_TAKEN = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Replace what PostgreSQL takes neither as text nor as JSON: it would refuse all that is written beside it."""
    return _NEVER_TAKEN.sub("\N{REPLACEMENT CHARACTER}", text)
