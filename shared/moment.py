"""Read a moment as a person writes it: "8h" from now (or ago), or ISO 8601. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SHAPE = "8h, 3d, 2w, or ISO 8601 like 2026-12-01T08:00 (UTC)"


def read_moment(said: str, now: datetime, *, ago: bool = False) -> datetime | None:
    """Return the moment, in UTC; None where it is none. What names no zone is UTC."""
    try:
        if found := re.fullmatch(r"(\d{1,4})([mhdw])", said.strip()):
            length = timedelta(**{_UNITS[found[2]]: int(found[1])})
            return now - length if ago else now + length
        read = datetime.fromisoformat(said.strip())
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
