"""Say what is no name: capitalised words that mean something, headlines in which capitals tell nothing."""

from __future__ import annotations

import re

from services.classifier.places.words import table
from services.classifier.reading import Reading, Sentence
from services.classifier.victims.naming import Mention
from services.classifier.victims.shapes import NOT_VICTIMS
from shared.gate.scan import Hit

SHORTEST = 3
# What no name of a victim holds.
NO_NAME = frozenset(
    {"cyber", "breach", "hacked", "hacker", "gang", "darknet", "outage", "negation", "down", "patients"}
)
_CARE_IN_A_NAME = frozenset(
    {"care", "health", "activity", "medicines", "systems", "digital", "records", "imaging", "lab"}
)


def named(reading: Reading, head: Sentence, start: int, end: int) -> Mention:
    """Return the mention of a name that holds no word for care: all its words are its own."""
    name = reading.document[start:end].strip(" '’-")
    return Mention(name, start, end, head, frozenset(word.lower() for word in name.split()))


def is_something_else(reading: Reading, head: Sentence, start: int, end: int, *, introduced: bool = False) -> bool:
    """Say whether the words mean something: an attack, a gang, a part of care, a country or a place's kind.

    What is introduced as a firm may be called by words of care: "Ohjelmistotoimittaja Potilasportti".
    """
    # "RecetaNet" is a name, whatever the word it is made of means.
    own = re.search(r"[a-zà-ÿ][A-Z]", reading.document[start:end]) is not None
    covered = sum(
        min(hit.end, end) - max(hit.start, start)
        for hit in _apart(head)
        if hit.start < end and start < hit.end and not ((own or introduced) and hit.concept in _CARE_IN_A_NAME)
    )
    name = reading.document[start:end].lower()
    return covered * 2 > end - start or name in table("regions") or name in NOT_VICTIMS or name.isdigit()


def _apart(head: Sentence) -> list[Hit]:
    reach = -1
    kept = []
    for hit in sorted(head.hits, key=lambda h: (h.start, -h.end)):
        if hit.concept in {"common", "provider", "supplier"} or hit.start < reach:
            continue
        reach = hit.end
        kept.append(hit)
    return kept


def title_case(reading: Reading, head: Sentence) -> bool:
    """Say whether a headline writes most words with a capital, so that capitals tell nothing."""
    words = re.findall(r"[^\W\d_]{4,}", reading.document[head.start : head.end])
    return len(words) >= 4 and sum(word[0].isupper() for word in words) > 0.7 * len(words)
