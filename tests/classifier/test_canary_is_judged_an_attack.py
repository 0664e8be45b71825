"""The canary's article must pass the gate and be judged a grave attack, whatever else the judge learns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.ingest.canary import document
from shared.gate import gate

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 97))
def test_whenever_it_is_published_it_is_an_attack(minutes: int) -> None:
    """If not, every installation would cry that the road is closed."""
    now = NOW + timedelta(minutes=minutes, microseconds=minutes * 7919)
    item = document(now)["items"][0]  # type: ignore[index]
    title, text = str(item["title"]), str(item["content_text"])
    assert gate(f"{title}\n\n{text}").passed
    verdict = judge(Article(id="1", title=title, text=text, lang="en", published=now, url=None, source="canary"))
    assert verdict.incident
    assert verdict.level >= 3
