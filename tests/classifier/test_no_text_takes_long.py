"""Texts that are made to be slow are judged as fast as others: a batch must never hang on one item."""

from __future__ import annotations

import time

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge

SLOW = {
    "one sentence": "hospital cyberattack data stolen not closed " * 450,
    "many sentences": "Hospital Mill cyberattack. " * 740,
    "commas": "cyberattack, hospital, " * 850,
    "no spaces": "医院勒索攻击数据" * 2_500,
    "spaces": "hospital" + " " * 19_000 + "cyberattack",
    "lines": "cyberattack\n" * 900 + "hospital\n" * 900,
    "dashes": "hospital - cyberattack | " * 800,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_a_text_made_to_be_slow_is_judged(text: str) -> None:
    """The bound is far above what it takes, and far below what the square would take."""
    judge(Article("warm", "Hospital hit by cyberattack", ""))
    begun = time.process_time()
    judge(Article("x", text[:1_000], text))
    assert time.process_time() - begun < 3
