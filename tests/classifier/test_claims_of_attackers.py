"""An entry of a leak-site tracker is the attackers' word: told as a claim, of level 1, whatever it boasts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.classifier.article import Article
from services.classifier.claims import judge_claim
from services.classifier.handle import judge_item
from services.launcher.preview.road import merge_reports, report_on
from shared.events import NewsItem
from shared.signals import Certainty
from tests.shared.news import news_item

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def _claim(title: str, text: str = "") -> NewsItem:
    return NewsItem.model_validate(
        news_item("claim").model_dump() | {"title": title, "summary": text, "claims_by_attackers": True}
    )


@pytest.mark.parametrize(
    ("title", "text", "level"),
    [
        ("Harrowfield Regional Hospital", "", 1),
        ("Clinica San Bartolomeo di Arvenza", "120 GB", 1),
        ("Krankenhaus Oberwiesental", "We have locked the whole network, surgery is cancelled, patients will die.", 1),
        ("Harrowfield Regional Hospital", "Patient data will be published. A researcher has verified the samples.", 2),
    ],
)
def test_a_bare_name_is_enough_and_boasts_are_not(title: str, text: str, level: int) -> None:
    """Nothing that they write themselves raises the level, but samples that others have seen."""
    judged = judge_claim(Article("1", title, text))
    assert judged.incident
    assert judged.certainty is Certainty.CLAIMED
    assert judged.level <= level
    assert judged.level >= 1
    assert judged.victims[0].name
    (claim,) = [one for one in judged.signals if one.used and one.signal.value == "attacker_claim"]
    given = title if claim.field == "title" else text
    assert given[claim.start : claim.end] == claim.quote


def test_a_claim_on_somebody_else_is_no_incident_but_is_kept_with_its_reason() -> None:
    """A list of leak sites names mostly others."""
    judged = judge_item(_claim("Meridian Paper Mills", "Invoices and contracts"))
    assert judged is not None
    assert not judged.incident
    assert judged.level == 0
    assert "names no care provider" in judged.reason


def test_the_same_entry_from_the_press_is_stopped_by_the_gate() -> None:
    """A name alone is no news."""
    assert judge_item(news_item("Harrowfield Regional Hospital")) is None


def test_the_tracker_opens_it_as_a_claim_of_level_1() -> None:
    """The whole road grades it alike."""
    report = report_on(_claim("Harrowfield Regional Hospital", "surgery is cancelled"), None, NOW)
    assert report is not None
    (alert,) = merge_reports([report])[1]
    assert (alert.level, alert.facts.certainty) == (1, Certainty.CLAIMED)
