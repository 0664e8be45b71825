"""What an authority or the victim publishes itself confirms; what it suspects or passes on does not."""

from __future__ import annotations

import pytest

from services.classifier.handle import judge_item
from shared.events import NewsItem
from shared.signals import Certainty
from tests.shared.news import news_item

DIVERTED = "Ransomware has encrypted the servers of Valmont Hospital Group. Ambulances are diverted at seven hospitals."
SUSPECTED = "Valmont Hospital may have been hit by a suspected cyberattack. Its emergency department is closed."
CLAIMED = "A ransomware gang claims to have attacked Valmont Hospital and lists it on its leak site."


def told(text: str, *, official: bool) -> NewsItem:
    """Write an item as one source or the other publishes it."""
    given = {"title": text.split(".")[0], "summary": text, "text": "", "official": official}
    return news_item("word").model_copy(update=given)


@pytest.mark.parametrize(
    ("text", "by_the_press", "by_an_authority"),
    [
        (DIVERTED, Certainty.REPORTED, Certainty.CONFIRMED),
        (SUSPECTED, Certainty.SUSPECTED, Certainty.SUSPECTED),
        (CLAIMED, Certainty.CLAIMED, Certainty.CLAIMED),
    ],
)
def test_whose_word_it_is_counts(text: str, by_the_press: Certainty, by_an_authority: Certainty) -> None:
    """The same words, from a source that is configured as official and from one that is not."""
    for official, certainty in ((False, by_the_press), (True, by_an_authority)):
        judged = judge_item(told(text, official=official))
        assert judged is not None
        assert judged.incident
        assert judged.certainty is certainty


def test_an_emergency_by_the_word_of_an_authority_is_one() -> None:
    """By the press alone it would be one if it were confirmed."""
    press, authority = (judge_item(told(DIVERTED, official=official)) for official in (False, True))
    assert press is not None
    assert authority is not None
    assert (press.level, press.would_be) == (4, 5)
    assert authority.level == 5
