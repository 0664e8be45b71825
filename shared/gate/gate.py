"""Decide in microseconds whether an item may be news of an attack on care.

The gate runs over every item of the world's news and must miss nothing that matters: it asks only
whether the words are there. The judge decides what they mean. Plain words ("attack", "stolen") count in
the head alone, beside care and what is digital.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from shared.gate.gazetteer import gazetteer_terms
from shared.gate.scan import Hit, Scanner, lower
from shared.gate.terms import all_terms

GATE_CHARACTERS = 20_000
_CYBER = frozenset({"cyber", "breach", "hacked", "hacker", "gang", "darknet"})
_CARE = frozenset({"care", "health", "supplier", "emergency", "vendor_care"})
_NAMED = frozenset({"provider", "supplier"})
_EVENT = _CYBER | {"outage"}
_ABOUT = _CARE | _NAMED
_IS_EVENT, _IS_ABOUT = 1, 2
_MOST_BYTES = 4
CONCEPTS = _EVENT | _ABOUT
HEAD_CHARACTERS = 320
PLAIN = frozenset({"assault", "digital"})


@dataclass(frozen=True, slots=True)
class GateResult:
    """Say whether the item is a candidate, and by which words."""

    passed: bool
    why: str


_TOO_LITTLE = GateResult(False, "no words of an attack or an outage")
_NO_CARE = GateResult(False, "words of an attack or an outage, but none of care")


@cache
def gate_scanner() -> Scanner:
    """Return the gate's scanner: the terms of attack, outage and care of every language."""
    return Scanner(term for term in (*all_terms(), *gazetteer_terms()) if term.concept in CONCEPTS)


@cache
def plain_scanner() -> Scanner:
    """Return a scanner of the plain words by which an attack is told too ("stolen", "files")."""
    return Scanner(term for term in all_terms() if term.concept in PLAIN)


@cache
def _kinds() -> list[int]:
    return gate_scanner().masks(_EVENT, _ABOUT)


def gate(text: str) -> GateResult:
    """Pass an item that names an attack or an outage and care, a care provider or its supplier.

    Reads the first 20,000 characters. Give it the title and the text together.
    """
    if len(text) > GATE_CHARACTERS:
        text = text[:GATE_CHARACTERS]
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    lowered = lower(text)
    data = lowered.encode("utf-8", "surrogatepass")
    scanner = gate_scanner()
    raw = scanner.raw(data)
    if not raw:
        return _TOO_LITTLE
    # What ordinary news holds of these words is rarely of both kinds: only then is it worth a closer look.
    kinds = _kinds()
    seen = 0
    for _, number in raw:
        seen |= kinds[number]
    if not seen & _IS_ABOUT:
        return _NO_CARE
    if not seen & _IS_EVENT and min(end for end, _ in raw) > HEAD_CHARACTERS * _MOST_BYTES:
        return _TOO_LITTLE
    return _look(scanner.checked(raw, data, lowered, text, once=True), lowered, text)


def _look(hits: list[Hit], lowered: str, text: str) -> GateResult:
    concepts = {hit.concept for hit in hits}
    event = concepts & _CYBER or concepts & {"outage"}
    if not event:
        return _look_at_head(hits, lowered, text)
    about = concepts & _NAMED or concepts & _CARE
    if not about:
        return _NO_CARE
    first_event = next(lowered[h.start : h.end] for h in hits if h.concept in event)
    first_care = next(lowered[h.start : h.end] for h in hits if h.concept in about)
    return GateResult(True, f"“{first_event}” and “{first_care}”")


def _look_at_head(hits: list[Hit], lowered: str, text: str) -> GateResult:
    """Pass an item whose head tells of care, of an assault in plain words, and of what is digital."""
    care = next((hit for hit in hits if hit.end <= HEAD_CHARACTERS and hit.concept in _ABOUT), None)
    if care is None:
        return _TOO_LITTLE
    head = lowered[:HEAD_CHARACTERS]
    found = plain_scanner().hits(head, text[:HEAD_CHARACTERS])
    assault = next((hit for hit in found if hit.concept == "assault"), None)
    digital = next((hit for hit in found if hit.concept == "digital" and not _same(hit, assault)), None)
    if assault is None or digital is None:
        return _TOO_LITTLE
    told = (lowered[hit.start : hit.end] for hit in (assault, digital, care))
    return GateResult(True, " and ".join(f"“{words}”" for words in told))


def _same(one: Hit, other: Hit | None) -> bool:
    return other is not None and one.start < other.end and other.start < one.end
