"""Decide in microseconds whether an item may be news of an attack on care.

The gate runs over every item of the world's news and must miss nothing that matters: it asks only
whether the words are there. The judge decides what they mean.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from shared.gate.gazetteer import gazetteer_terms
from shared.gate.scan import Scanner, lower
from shared.gate.terms import all_terms

GATE_CHARACTERS = 20_000
_CYBER = frozenset({"cyber", "breach", "hacked", "hacker", "gang", "darknet"})
_CARE = frozenset({"care", "health", "supplier", "emergency", "vendor_care"})
_NAMED = frozenset({"provider", "supplier"})
CONCEPTS = _CYBER | _CARE | _NAMED | {"outage"}


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


def gate(text: str) -> GateResult:
    """Pass an item that names an attack or an outage and care, a care provider or its supplier.

    Reads the first 20,000 characters. Give it the title and the text together.
    """
    text = text[:GATE_CHARACTERS]
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    lowered = lower(text)
    hits = gate_scanner().hits(lowered, text)
    if not hits:
        return _TOO_LITTLE
    concepts = {hit.concept for hit in hits}
    event = concepts & _CYBER or concepts & {"outage"}
    if not event:
        return _TOO_LITTLE
    about = concepts & _NAMED or concepts & _CARE
    if not about:
        return _NO_CARE
    first_event = next(lowered[h.start : h.end] for h in hits if h.concept in event)
    first_care = next(lowered[h.start : h.end] for h in hits if h.concept in about)
    return GateResult(True, f"“{first_event}” and “{first_care}”")
