"""Known attacks, told in our own words, first reports and later ones, get the level that the table gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.vectors import leaning

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "severity_of_known_attacks.jsonl").read_text("utf-8").splitlines()
]


def test_there_are_at_least_twenty() -> None:
    """First and later reports, what is none among them."""
    assert len(CASES) >= 20


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_known_attack_gets_its_level(case: dict[str, Any]) -> None:
    """Level 0 is "not an incident"."""
    judged = judge(Article(case["case"], case["title"], case["text"], case["lang"]), leaning)
    assert (judged.level, judged.incident) == (case["level"], case["level"] > 0), judged.reason
