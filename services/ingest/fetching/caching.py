"""What HTTP says about when to come back: all of its caching rules in one place.

Sources: RFC 9111 (max-age, Age, Expires against Date), RFC 9110 (Retry-After).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?([0-9]{1,10})', re.IGNORECASE)
_NEVER = 10 * 365 * 86400


def http_date(value: str) -> datetime | None:
    """Read an HTTP date in any of its forms; None where it is none."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _seconds(value: str) -> int | None:
    """Read a number of seconds; None where it is none, as "\u00b2" is, which Python calls a digit."""
    value = value.strip()
    return min(int(value[:12]), _NEVER) if value.isascii() and value.isdigit() else None


def fresh_for(headers: Mapping[str, str], now: datetime) -> float:
    """Return for how many seconds the publisher calls this answer fresh; header names in lower case."""
    control = headers.get("cache-control", "")
    if re.search(r"(?:^|[,\s])(no-cache|no-store)\b", control, re.IGNORECASE):
        return 0.0
    if match := _MAX_AGE.search(control):
        return float(max(0, min(int(match.group(1)), _NEVER) - (_seconds(headers.get("age", "")) or 0)))
    expires = http_date(headers.get("expires", ""))
    if expires is None:
        return 0.0
    written = http_date(headers.get("date", "")) or now
    return max(0.0, (expires - written).total_seconds())


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Return how many seconds the publisher asks us to stay away after an error."""
    value = headers.get("retry-after", "")
    if (seconds := _seconds(value)) is not None:
        return float(seconds)
    moment = http_date(value)
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0
