"""The sentence vectors help where they can, and nothing waits for them or fails with them."""

from __future__ import annotations

import pytest

from services.classifier import vectors
from services.classifier.article import Article
from services.classifier.judge import judge

OPEN = Article("open", "Healthcare platform probes potential data breach", "", "en")


def test_the_rules_stand_alone_where_the_vectors_do_not_answer() -> None:
    """None is no leaning."""
    assert judge(OPEN, lambda _title, _text: None) == judge(OPEN)


def test_a_model_that_cannot_load_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the judge goes on by the rules."""

    def broken() -> None:
        raise OSError("no such engine")

    monkeypatch.setattr(vectors, "_model", broken)
    told: list[str] = []
    careful = vectors.Careful(told.append)
    assert judge(OPEN, careful) == judge(OPEN)
    assert careful("another", "") is None
    assert len(told) == 1
    assert "no such engine" in told[0]
    assert vectors.load_vectors()[0] is None
