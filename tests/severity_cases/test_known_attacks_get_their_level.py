"""Known attacks, told in our own words, first reports and later ones, get the level that the table gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.vectors import leaning
from tests.severity_cases.cases import Case, read_cases
from tests.severity_cases.table import table

CASES = list(read_cases())
DOCS = Path(__file__).parents[2] / "docs" / "severity-cases.md"


def test_there_are_at_least_twenty_attacks() -> None:
    """First and later reports, what is none among them, every level."""
    assert len({case.attack for case in CASES}) >= 20
    assert {case.level for case in CASES} == set(range(6))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_known_attack_gets_its_level(case: Case) -> None:
    """Level 0 is "not an incident"."""
    judged = judge(Article(case.name, case.title, case.text, case.lang), leaning)
    assert (judged.level, judged.incident) == (case.level, case.level > 0), judged.reason


def test_the_page_shows_the_cases_as_they_are() -> None:
    """Written anew by `python -m tests.severity_cases.table > docs/severity-cases.md`."""
    assert DOCS.read_text(encoding="utf-8") == table()
