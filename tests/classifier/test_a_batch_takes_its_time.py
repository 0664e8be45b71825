"""However many candidates a batch holds, it is done in time, and no verdict depends on what else came in."""

from __future__ import annotations

import pytest

from services.classifier import handle
from services.classifier.article import Article
from services.classifier.handle import judge_batch
from services.classifier.judge import Vectors, judge
from services.classifier.judgement import Judgement
from shared.events import NewsItem
from shared.headers import Trace
from shared.received import Received
from shared.topics import NEWS
from tests.shared.news import news_item

ATTACK = "Hospital hit by ransomware, emergency department closed"
OTHER = "Choir sings at the harbour"


def _batch(*titles: str) -> list[Received[NewsItem]]:
    items = [news_item(f"item-{number}", title=title) for number, title in enumerate(titles)]
    return [Received(item, NEWS, 0, number, Trace.start(item.entry_id)) for number, item in enumerate(items)]


def test_the_rest_is_left_when_the_time_is_over() -> None:
    """By this clock each item takes a second; the third ends after the time is over."""
    ticks = iter(range(100))
    batch = _batch(ATTACK, OTHER, ATTACK, ATTACK, OTHER)
    judged, items = judge_batch(batch, seconds=2.5, clock=lambda: next(ticks))
    assert items == 3
    assert [one for one, _ in judged] == [batch[0], batch[2]]


def test_at_least_one_item_is_judged() -> None:
    """Else a slow machine would never get on."""
    ticks = iter(range(100))
    assert judge_batch(_batch(ATTACK, ATTACK), seconds=0, clock=lambda: next(ticks))[1] == 1


def test_the_vectors_are_asked_alone_and_in_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """About the last item as about the first: how an item is judged must not depend on its neighbours."""
    asked: list[str] = []

    def vectors(title: str, _text: str) -> float:
        asked.append(title)
        return 1.5

    def open_to_vectors(article: Article, ask: Vectors) -> Judgement:
        ask(article.title, article.text)
        return judge(article)

    monkeypatch.setattr(handle, "judge_candidate", open_to_vectors)
    judged, items = judge_batch(_batch(*[ATTACK] * 50), vectors, clock=lambda: 0.0)
    assert (len(judged), items, len(asked)) == (50, 50, 50)
    assert len({one.reason for _, one in judged}) == 1
