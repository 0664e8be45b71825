"""What `codegrey status` draws of how long the road takes."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from services.launcher.diagnose.status_table import print_status

NOTHING: dict[str, Any] = {"topics": [], "groups": [], "feeds": [], "deliveries": {}}
QUIET = {"deliveries": 0, "p50_s": None, "p95_s": None, "longest_s": None, "last_canary": None, "canary_took_s": None}


def _drawn(**found: Any) -> str:
    console = Console(file=StringIO(), width=200)
    print_status(NOTHING | found, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (QUIET, "nothing was sent in the last 24 h"),
        (
            QUIET | {"deliveries": 9, "p50_s": 0.34, "p95_s": 1.26, "longest_s": 150.0},
            "half within 0.340 s, 95 of 100 within 1.3 s, longest 2.5 min (9 sent)",
        ),
        (
            QUIET | {"last_canary": datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC), "canary_took_s": 2.0},
            "Last canary: 2026-11-25 01:02:03, 2.0 s on the road",
        ),
    ],
)
def test_the_times_of_the_last_day_are_told_in_words(times: dict[str, Any], words: str) -> None:
    """A calm day says so; the canary speaks for itself."""
    assert words in _drawn(times=times)


def test_a_status_without_times_is_drawn_too() -> None:
    """As other tools may give it."""
    assert "Deliveries" in _drawn()


def test_what_operators_were_told_and_what_stands_is_shown() -> None:
    """Once more, for whoever missed the message; text of strangers is no markup."""
    since = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC)
    drawn = _drawn(troubles=[{"key": "dead:x", "title": "3 messages of [b]x could not be read", "since": since}])
    assert "Operators were told: 3 messages of [b]x could not be read, since 2026-11-25 01:02:03" in drawn


def test_an_incident_that_is_silenced_is_shown() -> None:
    """So that nobody forgets why it is calm."""
    row = {
        "incident_id": "a" * 32,
        "subscription": "",
        "level": 4,
        "until": datetime(2026, 11, 25, 8, tzinfo=UTC),
        "because": "we know",
        "headline": "Attack on [b]Valmont",
        "ended": None,
        "in_force": True,
    }
    words = (
        "Silenced: aaaaaaaaaaaa  silenced for everybody at level 4, until 2026-11-25 08:00 UTC; we know; Attack on [b]"
    )
    assert words in _drawn(silences=[row])
