"""What only looks like an attack on care is none, and what is one is told of the right place and part of care."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import HARMLESS_CAUSE, judge
from services.classifier.judgement import Judgement
from shared.signals import Signal, Status


def judged(title: str, text: str = "", lang: str | None = "en") -> Judgement:
    """Return the verdict on an item, by the rules alone."""
    return judge(Article("item", title, text, lang))


def used(judgement: Judgement) -> set[Signal]:
    """Return the signals that count."""
    return {one.signal for one in judgement.signals if one.used}


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "Harwick Hospital staff hold cyberattack drill"),
        ("en", "Simulated ransomware attack tests Harwick General Hospital"),
        ("fr", "Une fausse cyberattaque pour tester l'hôpital de Vauclère"),
        ("fr", "L'hôpital de Vauclère a simulé une cyberattaque"),
        ("de", "Klinik Hohenau: Übung simuliert Hackerangriff"),
        ("es", "El hospital de Arcilla ensaya con un simulacro de ciberataque"),
    ],
)
def test_a_drill_is_no_incident(lang: str, title: str) -> None:
    """Where the attack itself is told as a drill, no weight makes it one."""
    verdict = judged(title, lang=lang)
    assert not verdict.incident
    assert "told as a drill" in verdict.reason


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "Two years after the ransomware attack, Harwick Hospital looks ahead"),
        ("fr", "Deux ans après la cyberattaque, l'hôpital de Vauclère raconte sa reconstruction"),
    ],
)
def test_an_anniversary_is_no_incident(lang: str, title: str) -> None:
    """An attack that is told as years past is not news; data that surfaces later would be."""
    verdict = judged(title, lang=lang)
    assert not verdict.incident
    assert "told as long past" in verdict.reason


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("es", "Un ciberataque bloquea la web del Ayuntamiento de Robleda del Hospital"),
        ("pt", "Ciberataque à Câmara de Vilar do Hospital"),
    ],
)
def test_a_town_that_is_named_for_a_hospital_is_none(lang: str, title: str) -> None:
    """Its name is no word of care."""
    assert not judged(title, lang=lang).incident


def test_a_hospital_in_a_town_is_named_with_it() -> None:
    """A demonym sets no hospital apart: "French hospital in X" is the hospital in X."""
    text = "Vauclère hospital in Brittany, France, has closed its emergency department after a cyberattack."
    verdict = judged("French hospital in Vauclère closes its emergency department after cyberattack", text)
    assert any("Vauclère" in victim.name for victim in verdict.victims)
    assert verdict.country == "FR"


def test_an_emergency_department_that_closes_does_not_close_its_hospital() -> None:
    """The state belongs to what stands nearest to it."""
    verdict = judged("Cyberattack on Harwick General Hospital: emergency department closed, ambulances diverted")
    assert {Signal.EMERGENCY_CLOSED, Signal.AMBULANCES_DIVERTED} <= used(verdict)
    assert Signal.HOSPITAL_CLOSED not in used(verdict)
    assert Signal.HOSPITAL_CLOSED in used(judged("Harwick Hospital closed after ransomware attack"))


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("es", "Un ciberataque deja sin urgencias al Hospital de Arcilla"),
        ("de", "Leitstelle ohne Computer: Hackerangriff trifft Rettungsdienst Hohenau"),
        ("en", "No emergency admissions at Harwick Hospital after cyberattack"),
    ],
)
def test_what_care_lacks_does_not_deny_the_attack(lang: str, title: str) -> None:
    """What is missing after an attack ("sin urgencias") says nothing against it."""
    assert judged(title, lang=lang).incident


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "IT failure at Harwick Hospital was not a cyberattack"),
        ("de", "Kein Hackerangriff auf die Klinik Hohenau"),
    ],
)
def test_an_attack_that_is_denied_is_none(lang: str, title: str) -> None:
    """A negation of the attack itself still stands."""
    assert not judged(title, lang=lang).incident


def test_a_harmless_cause_is_told_in_so_many_words() -> None:
    """The tracker closes an outage on these words."""
    text = "The hospital's computer systems were down for two hours after a power failure; it was not a cyberattack."
    verdict = judged("Power failure takes down computer systems at Harwick Hospital", text)
    assert not verdict.incident
    assert not verdict.outage
    assert verdict.reason.startswith(HARMLESS_CAUSE)


def test_a_restored_hospital_is_still_news_of_its_attack() -> None:
    """So that the level can fall."""
    text = "Harwick Hospital said its computer systems are back online a week after the ransomware attack."
    verdict = judged("Harwick Hospital has restored its systems after the cyberattack", text)
    assert verdict.incident
    assert verdict.status is Status.RESTORED


@pytest.mark.parametrize(
    ("lang", "title", "country"),
    [
        ("en", "Cyberattack on Harwick Hospital", None),
        ("es", "Ciberataque al Hospital de Arcillanueva", None),
        ("it", "Attacco hacker all'ospedale di Pietrachiara", "IT"),
        ("es", "Ciberataque al hospital alemán Sankt Barbara: sus urgencias, cerradas", "DE"),
        ("en", "Cyberattack on Harwick Hospital in Ohio", "US"),
    ],
)
def test_a_language_of_many_countries_tells_none(lang: str, title: str, country: str | None) -> None:
    """English news is not American news, and "sus" is not Brazil's health service."""
    verdict = judged(title, lang=lang)
    assert verdict.incident
    assert verdict.sure_country == country


def test_a_country_that_is_guessed_is_told_as_a_guess() -> None:
    """It stands in the command's output for what it is worth, and no alert is routed by it."""
    verdict = judged("Cyberattack on Harwick Hospital", lang="en")
    assert verdict.victims[0].country == "US"
    assert verdict.victims[0].why_country.startswith("guessed")
    assert verdict.sure_country is None
