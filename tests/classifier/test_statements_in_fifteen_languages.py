"""A diversion or a death is stated, denied, feared, looked into, or another hospital's: in each main language."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.judgement import Evidence
from shared.signals import MEANINGS, Signal

STATEMENTS = tomllib.loads(Path(__file__).with_name("statements.toml").read_text(encoding="utf-8"))
GRAVE = frozenset(s for s in Signal if MEANINGS[s].level >= 4) - {Signal.DEATH}


def evidence(language: str, statement: str, among: frozenset[Signal]) -> list[Evidence]:
    """Return what is found of some signals in the attack's sentence and one statement after it."""
    told = STATEMENTS[language]
    text = f"{told['attack']}\n\n{told[statement]}"
    judged = judge(Article("x", "", text, language.split("-")[0]))
    return [e for e in judged.signals if e.signal in among]


@pytest.mark.parametrize("language", STATEMENTS)
def test_a_diversion_that_is_stated_counts(language: str) -> None:
    """The same words, plainly said, make it critical."""
    assert any(e.used for e in evidence(language, "stated", GRAVE))


@pytest.mark.parametrize("statement", ["denied", "feared", "retold"])
@pytest.mark.parametrize("language", STATEMENTS)
def test_a_diversion_that_is_not_stated_is_set_aside_with_its_cue(language: str, statement: str) -> None:
    """It is found, it does not count, and the reason names the cue."""
    found = evidence(language, statement, GRAVE)
    assert found
    assert not any(e.used for e in found)
    begins = {"denied": ("negated",), "feared": ("hypothetical",), "retold": ("about another", "told of other")}
    assert all(e.why.startswith(begins[statement]) for e in found), [e.why for e in found]


@pytest.mark.parametrize("language", STATEMENTS)
def test_a_death_attributed_to_the_attack_counts(language: str) -> None:
    """By the hospital's word it is an emergency."""
    assert any(e.used for e in evidence(language, "death", frozenset({Signal.DEATH})))


@pytest.mark.parametrize("statement", ["death_denied", "death_examined"])
@pytest.mark.parametrize("language", STATEMENTS)
def test_a_death_that_is_denied_or_looked_into_does_not_count(language: str, statement: str) -> None:
    """Found, and set aside."""
    found = evidence(language, statement, frozenset({Signal.DEATH}))
    assert found
    assert not any(e.used for e in found)
