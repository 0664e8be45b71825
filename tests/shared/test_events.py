"""The events: messages of every earlier version stay readable, ids stay what they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.events import MAX_TEXT, Alert, Event, NewsItem, Report
from shared.ids import stable_id
from shared.topics import MAX_MESSAGE_BYTES
from tests.shared.news import NOON, news_item

KEPT = Path(__file__).parent / "kept"
EVENTS: dict[str, type[Event]] = {"news": NewsItem, "report": Report, "alert": Alert}


@pytest.mark.parametrize("file", sorted(KEPT.glob("*/*.json")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_message_kept_from_an_earlier_version_is_still_readable(file: Path) -> None:
    """Topics are kept for ever; so is the ability to read them."""
    event = EVENTS[file.stem].model_validate_json(file.read_bytes())
    assert event.key()
    assert EVENTS[file.stem].model_validate_json(event.model_dump_json(exclude_none=True)) == event


def test_an_unknown_field_of_a_later_version_is_ignored() -> None:
    """An older reader copes with a newer writer."""
    item = news_item("later")
    later = item.model_dump(mode="json") | {"a_field_of_the_future": [1, 2]}
    assert NewsItem.model_validate(later) == item


def test_ids_are_the_same_on_every_machine() -> None:
    """They stand in databases and topics; a change would send every alert again."""
    assert stable_id("a", "bc") == "5310a58788781ab25d5ad7c3f8503582"
    assert stable_id("a", "bc") != stable_id("ab", "c")
    assert Alert.make_id("00" * 16, 1) != Alert.make_id("00" * 16, 2)
    assert news_item("x").id == news_item("x").id


def test_a_news_item_of_the_largest_text_stays_under_the_topics_limit() -> None:
    """Text is capped in characters; the limit is in bytes, and a character may take four."""
    full = "\U0001f3e5" * MAX_TEXT
    item = news_item("long", title="\U0001f3e5" * 4_000, text=full).model_copy(update={"summary": full})
    assert len(item.model_dump_json().encode()) < MAX_MESSAGE_BYTES
    with pytest.raises(ValidationError):
        news_item("longer", text="x" * (MAX_TEXT + 1))


def test_an_event_cannot_be_changed_and_a_moment_needs_a_zone() -> None:
    """Events are facts."""
    item = news_item("fixed")
    with pytest.raises(ValidationError):
        item.title = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        NewsItem.model_validate(item.model_dump() | {"published": NOON.replace(tzinfo=None)})
