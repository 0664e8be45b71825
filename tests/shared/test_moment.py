"""A moment is said as a length or as a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.moment import read_moment

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("8h", NOON + timedelta(hours=8)),
        (" 90m ", NOON + timedelta(minutes=90)),
        ("3d", NOON + timedelta(days=3)),
        ("2w", NOON + timedelta(days=14)),
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T08:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01 08:00:30", datetime(2026, 12, 1, 8, 0, 30, tzinfo=UTC)),
        ("2026-12-01T08:00+01:00", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        ("0001-01-01T00:00+01:00", None),
        ("tomorrow", None),
        ("8", None),
        ("99999d", None),
        ("", None),
    ],
)
def test_both_are_read_and_anything_else_is_none(said: str, expected: datetime | None) -> None:
    """What names no zone is UTC."""
    assert read_moment(said, NOON) == expected


def test_a_length_may_count_back() -> None:
    """Since two days ago, say; a date is the same either way."""
    assert read_moment("2d", NOON, ago=True) == NOON - timedelta(days=2)
    assert read_moment("2026-12-01", NOON, ago=True) == datetime(2026, 12, 1, tzinfo=UTC)
