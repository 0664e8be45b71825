"""The sentence vectors help where they can, and nothing waits for them or fails with them."""

from __future__ import annotations

import pytest

from services.classifier import vectors
from services.classifier.article import Article
from services.classifier.handle import Sparing
from services.classifier.judge import judge

OPEN = Article("open", "Healthcare platform probes potential data breach", "", "en")


def test_a_batch_asks_until_its_time_is_spent() -> None:
    """Each question takes 0.5 s by this clock, so the third is not asked."""
    ticks = iter(range(100))
    sparing = Sparing(lambda _title, _text: 1.5, 1.0, clock=lambda: next(ticks) * 0.5)
    assert [sparing("title", "") for _ in range(4)] == [1.5, 1.5, None, None]


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
