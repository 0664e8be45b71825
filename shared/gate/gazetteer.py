"""Know the providers of care and their suppliers by name, with the country each is in."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path

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
        if text in lowered and (best is None or len(text) > best[0]) and _stands_alone(term, lowered):
            best = len(text), country
    return best[1] if best else None


def _stands_alone(term: Term, lowered: str) -> bool:
    """Say whether a name is not just a part of a longer word."""
    if unspaced(term.text):
        return True
    place = lowered.index(term.text)
    after = lowered[place + len(term.text)]
    return not lowered[place - 1].isalnum() and (term.open_end or not after.isalnum())


@cache
def _entries() -> tuple[tuple[Term, str], ...]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        (term, country)
        for section, concept in _CONCEPTS.items()
        for country, written in tables[section].items()
        for term in parse_terms(written, concept, WORLD, _ENDINGS)
    )
