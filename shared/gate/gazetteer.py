"""Know the providers of care and their suppliers by name, with the country each is in."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from shared.gate.scan import unspaced
from shared.gate.terms import WORLD, Term, parse_terms

_FILE = Path(__file__).with_name("gazetteer.toml")
_CONCEPTS = {"providers": "provider", "suppliers": "supplier"}
_ENDINGS = ("", "s")


@cache
def gazetteer_terms() -> tuple[Term, ...]:
    """Return all names as terms that count in every language."""
    return tuple(dict.fromkeys(term for term, _ in _entries()))


@lru_cache(maxsize=4096)
def country_of(name: str) -> str | None:
    """Return the country (ISO 3166) of the listed provider that a name holds, the longest listed name first."""
    lowered = f" {name.lower()} "
    best: tuple[int, str] | None = None
    for term, country in _entries():
        text = term.text
        if text in lowered and (best is None or len(text) > best[0]) and _stands_alone(term, lowered, name):
            best = len(text), country
    return best[1] if best else None


@lru_cache(maxsize=4096)
def also_called(name: str) -> str | None:
    """Return the Latin name of a listed provider that is named in another script."""
    if name.isascii():
        return None
    lowered = name.lower()
    return next((known for spelling, known in _spellings() if spelling in lowered), None)


@cache
def _spellings() -> tuple[tuple[str, str], ...]:
    """Return how listed providers are written in other scripts, the longest first, with their Latin names."""
    found = [
        (term.text, known)
        for _, names in _tables()["spellings"].items()
        for known, written in names.items()
        for term in parse_terms(written, "provider", WORLD, _ENDINGS)
    ]
    return tuple(sorted(found, key=lambda pair: (-len(pair[0]), pair)))


def _stands_alone(term: Term, lowered: str, written: str) -> bool:
    """Say whether a name is not just a part of a longer word somewhere, and an acronym stands in capitals."""
    if unspaced(term.text):
        return True
    place = lowered.find(term.text)
    while place >= 0:
        end = place + len(term.text)
        # The name was given a space before and behind it.
        capitals = not term.capitals or written[place - 1 : end - 1].isupper()
        if capitals and not lowered[place - 1].isalnum() and (term.open_end or not lowered[end].isalnum()):
            return True
        place = lowered.find(term.text, place + 1)
    return False


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _entries() -> tuple[tuple[Term, str], ...]:
    listed = [
        (term, country)
        for section, concept in _CONCEPTS.items()
        for country, written in _tables()[section].items()
        for term in parse_terms(written, concept, WORLD, _ENDINGS)
    ]
    spelled = [
        (term, country)
        for country, names in _tables()["spellings"].items()
        for written in names.values()
        for term in parse_terms(written, "provider", WORLD, _ENDINGS)
    ]
    return (*listed, *spelled)
