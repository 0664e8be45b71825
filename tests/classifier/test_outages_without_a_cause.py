"""Clinical systems down and no cause stated is an outage, not yet an incident."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge


@pytest.mark.parametrize(
    ("title", "text", "level"),
    [
        (
            "IT outage at Mill Hospital: ambulances diverted",
            "Computer systems went down on Monday at Mill Hospital. Ambulances were diverted to other hospitals.",
            4,
        ),
        (
            "Panne informatique à l'hôpital de Vernay",
            "Une panne informatique touche l'hôpital de Vernay. Les opérations ont été annulées.",
            3,
        ),
    ],
)
def test_an_unexplained_outage_is_graded_as_an_attack_would_be(title: str, text: str, level: int) -> None:
    """`incident` false, `outage` true."""
    judged = judge(Article("x", title, text))
    assert (judged.incident, judged.outage, judged.level) == (False, True, level)
    assert "cause not stated" in judged.reason


@pytest.mark.parametrize(
    "text",
    [
        "Computer systems went down at Mill Hospital after a power outage. Ambulances were diverted.",
        "Computer systems went down at Mill Hospital because of a faulty update. Surgeries were cancelled.",
    ],
)
def test_a_stated_harmless_cause_is_none(text: str) -> None:
    """Nobody is told of a breakdown that is explained."""
    judged = judge(Article("x", "Computer systems down at Mill Hospital", text))
    assert (judged.incident, judged.outage, judged.level) == (False, False, 0)
