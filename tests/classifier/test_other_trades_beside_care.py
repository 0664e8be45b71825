"""Words of other trades: what kind of house it is, who else is hit, and who is spared."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.features import Features
from services.classifier.judge import judge, study


def _features(title: str, lang: str = "en") -> Features:
    return study(Article("x", title, "", lang=lang))[3]


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "County hospital in Harwick hit by ransomware"),
        ("en", "Ransomware at Harwick blood bank"),
        ("pl", "Cyberatak na szpital powiatowy w Zagórkach"),
        ("es", "Ciberataque contra el hospital municipal de Arcillanueva"),
    ],
)
def test_the_kind_of_a_house_is_no_other_trade(lang: str, title: str) -> None:
    """Before the word for it, or behind it, as the language has it."""
    assert "head:other_sector" not in _features(title, lang)
    assert judge(Article("x", title, "", lang=lang)).incident


def test_victims_in_a_row_are_no_other_thing() -> None:
    """A comma or a word like "and" follows the first at once; a verb between tells of two things."""
    row = _features("City hall and hospital hit by ransomware in Harwick")
    assert "head:attack_among_other_things" not in row
    two = _features("Hackers shut schools down, hospital lends laptops")
    assert "head:attack_among_other_things" in two


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "Harwick council hacked; hospital not affected"),
        ("en", "Ransomware shuts county offices, hospital spared"),
        ("it", "Attacco hacker al Comune di Pietrachiara, nessun problema per l'ospedale"),
        ("da", "Hackere lammer Nørby Kommune, sygehuset går fri"),
        ("zh", "市政府遭黑客攻击，医院未受影响"),
    ],
)
def test_another_is_hit_and_care_is_spared(lang: str, title: str) -> None:
    """That is told as the reason."""
    verdict = judge(Article("x", title, "", lang=lang))
    assert not verdict.incident
    assert "care is spared" in verdict.reason


def test_a_hospital_that_is_hit_but_works_on_is_no_spared_one() -> None:
    """Its own attack stands in its clause."""
    assert judge(Article("x", "Cyberattack on Harwick Hospital, emergency room not affected", "")).incident


def test_warning_patients_of_a_theft_is_no_advice() -> None:
    """It is how a theft is disclosed."""
    assert "head:advice" not in _features("Harwick Clinic warns patients after data breach")
    assert "head:advice" in _features("Agency warns of data breach risk at clinics")


@pytest.mark.parametrize(
    ("title", "signed"),
    [
        ("Notice of data security incident | Harwick Family Dental Clinic", True),
        ("Council hit by ransomware - Hospital Review", False),
        ("Council hit by ransomware | healthnews.example", False),
    ],
)
def test_a_provider_that_signs_its_notice_is_no_paper(title: str, signed: bool) -> None:
    """What stands behind the dash of a headline is the paper else."""
    assert ("head:care" in _features(title)) is signed
