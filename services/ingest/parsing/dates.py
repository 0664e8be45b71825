"""Read the dates that documents carry, into UTC; what makes no sense is None."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def sane(moment: datetime) -> datetime | None:
    """Return the moment in UTC, or None where no news can be of that year."""
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1990 <= moment.year <= 2100 else None


def from_parts(parts: Sequence[object] | None) -> datetime | None:
    """Read year, month, day, hour, minute and second, as feedparser gives them in UTC."""
    try:
        year, month, day, hour, minute, second = (int(str(part)) for part in (parts or ())[:6])
        return sane(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC))
    except (TypeError, ValueError, OverflowError):
        return None


def read_date(value: object) -> datetime | None:
    """Read ISO 8601, the dates of mail, and seconds or milliseconds since 1970."""
    text = str(value or "").strip()
    if not text or len(text) > 64:
        return None
    if text.replace(".", "", 1).isdecimal() and len(text.split(".")[0]) in {9, 10, 13}:
        number = float(text)
        return sane(datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC))
    try:
        return sane(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return sane(parsedate_to_datetime(text))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
