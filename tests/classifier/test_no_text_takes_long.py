"""Texts that are made to be slow are judged as fast as others: a batch must never hang on one item.

The bounds are of CPU time and generous: far above what these texts take, far below what the square would take.
"""

from __future__ import annotations

import random
import time

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from shared.gate import gate
from shared.gate.terms import all_terms

SIZE = 24_000
GATE_SECONDS = 0.25
JUDGE_SECONDS = 3.0
SAMPLED = 150

REPEATED = {
    "one sentence": "hospital cyberattack data stolen not closed ",
    "many sentences": "Hospital Mill cyberattack. ",
    "commas": "cyberattack, hospital, ",
    "dashes": "hospital - cyberattack | ",
    "hyphens": "hospital-cyberattack-",
    "care": "hospital ",
    "care in one word": "hospital",
    "care and attack in one word": "cyberattackhospital",
    "attack": "cyberattack ",
    "digits in the word": "hospital1",
    "names": "Hospital Saint Mary's of Mill Hill cyberattack ",
    "names without an end": "Saint Mary Hospital ",
    "capitals": "HOSPITAL CYBERATTACK ",
    "brackets": "(hospital [cyberattack {",
    "closing brackets": "hospital ))))) cyberattack (((( ",
    "quotes": "«Hospital» “cyberattack” ",
    "dates": "hospital cyberattack 3 December 2022, 03.12.2022 ",
    "numbers": "hospital cyberattack 12 000 1,234.56 ",
    "lines": "hospital\ncyberattack\n",
    "Chinese": "医院勒索攻击数据",
    "Chinese with spaces": "医院 勒索攻击 数据 ",
    "Japanese": "さくら病院ランサムウェア被害",
    "Thai": "โรงพยาบาลถูกแฮก",
    "Arabic": "مستشفى هجوم إلكتروني ",
    "combining marks": "hospital e\u0301\u0301\u0301 cyberattack ",
    "letters that change their length": "İ hospital cyberattack ",
    "surrogates": "hospital \ud800 cyberattack ",
}
SLOW = {name: (piece * (SIZE // len(piece) + 1))[:SIZE] for name, piece in REPEATED.items()} | {
    "spaces": "hospital" + " " * 19_000 + "cyberattack",
    "dots": "." * 19_000 + " hospital cyberattack",
    "marks": "hospital cyberattack a" + "\u0301" * 19_000,
    "one word of 200 KB": "hospital cyberattack " + "a" * 200_000,
    "one word of 200 KB made of terms": "cyberattack hospital " + "hospital" * 25_000,
    "many capitals": "Aa " * 6_000 + "hospital cyberattack",
    "attacks, then hospitals": "cyberattack\n" * 900 + "hospital\n" * 900,
}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Compile the lexicons before anything is timed."""
    judge(Article("warm", "Hospital in Lyon hit by cyberattack on 3 May", "医院遭攻击"))


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_the_gate_takes_milliseconds_for_a_text_made_to_be_slow(text: str) -> None:
    """Ingest asks the gate about every item: measured are at most some 5 ms."""
    begun = time.process_time()
    gate(text)
    assert time.process_time() - begun < GATE_SECONDS


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_a_text_made_to_be_slow_is_judged(text: str) -> None:
    """Measured is at most some .4 s, where a sentence of 700 characters is all terms."""
    begun = time.process_time()
    judge(Article("x", text[:1_000], text))
    assert time.process_time() - begun < JUDGE_SECONDS


def test_no_phrase_of_the_lexicons_is_slow_when_it_is_repeated() -> None:
    """A sample over all languages, each phrase in one word and in many; the seed is fixed."""
    phrases = sorted({term.text for term in all_terms()})
    for phrase in random.Random(4).sample(phrases, SAMPLED):
        for between in ("", " ", "-"):
            text = ("hospital cyberattack " + (phrase + between) * 2_000)[:SIZE]
            begun = time.process_time()
            gate(text)
            assert time.process_time() - begun < GATE_SECONDS, phrase
