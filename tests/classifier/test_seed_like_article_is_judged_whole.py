"""An article as scraped, page furniture and an older attack included, is judged as the design asks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.judgement import Judgement
from shared.signals import Certainty, Signal, Status

CASE = Path(__file__).parent / "cases" / "hospital_with_an_older_attack_retold.txt"


@pytest.fixture(scope="module")
def judged() -> Judgement:
    """Judge the article once."""
    return judge(Article(id="seed-like", title="", text=CASE.read_text(encoding="utf-8")))


def test_it_is_one_critical_incident(judged: Judgement) -> None:
    """Emergency department closed, patients transferred."""
    assert (judged.incident, judged.outage, judged.level) == (True, False, 4)
    used = {e.signal for e in judged.signals if e.used}
    assert {Signal.EMERGENCY_CLOSED, Signal.PATIENTS_TRANSFERRED, Signal.NETWORK_DOWN, Signal.PAPER_MODE} <= used


def test_the_victim_is_the_hospital_of_now_and_not_the_older_one(judged: Judgement) -> None:
    """The older victim is named in the notes only."""
    (victim,) = judged.victims
    assert victim.name == "centre hospitalier de Montreval"
    assert victim.country == "FR"
    assert victim.aliases == ("hôpital Jeanne-Laurin",)
    assert "Valbrune" in " ".join(judged.notes)


def test_the_weekday_is_resolved_by_the_date_in_the_text(judged: Judgement) -> None:
    """Thursday before Saturday 11 March 2023."""
    assert judged.attack_date == date(2023, 3, 9)


def test_the_older_ransom_and_its_published_data_are_set_aside(judged: Judgement) -> None:
    """Facts of another attack never count."""
    assert judged.ransom == "unknown"
    assert not judged.data_published
    assert not judged.data_stolen
    aside = {e.signal: e.why for e in judged.signals if not e.used}
    assert "Valbrune" in aside[Signal.DATA_PUBLISHED]


def test_the_ambulance_service_is_not_affected(judged: Judgement) -> None:
    """Negated is set aside, with the word that negates."""
    (samu,) = [e for e in judged.signals if e.signal is Signal.DISPATCH_DOWN]
    assert not samu.used
    assert samu.why.startswith("negated")


def test_it_is_confirmed_and_goes_on(judged: Judgement) -> None:
    """A minister speaks, systems are down."""
    assert (judged.certainty, judged.status) == (Certainty.CONFIRMED, Status.ONGOING)


def test_nobody_restored_anything_yet(judged: Judgement) -> None:
    """The older hospital's return to normal is not this one's."""
    assert all(not e.used for e in judged.signals if e.signal is Signal.RESTORED)
