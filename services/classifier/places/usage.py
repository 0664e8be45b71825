"""Tell whose English, French, Spanish … a text is written in, by its spelling and the offices it names."""

from __future__ import annotations

import re
from functools import cache

from services.classifier.places.words import table, tables
from services.classifier.reading import Reading

_LEAD = 1_500
_WEIGHT = 0.8
_LONGEST_ACRONYM = 3


def usage(reading: Reading) -> list[tuple[str, float, str]]:
    """Return whose English, French, Spanish … a text is written in, by its spelling and the offices it names."""
    known = f"usage_{reading.language}"
    if known not in tables():
        return []
    lead = reading.document[: reading.title_length + _LEAD]
    lowered = lead.lower()
    found: dict[str, str] = {}
    for word, country, pattern in _words_of_usage(known):
        if country not in found and word in lowered and pattern.search(lead):
            found[country] = word
    return [(country, _WEIGHT, f"a word of {country}: {word}") for country, word in found.items()]


@cache
def _words_of_usage(known: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Return a language's words of usage, each with its country and its pattern (acronyms count in capitals)."""
    found = []
    for word, country in table(known).items():
        acronym = len(word) <= _LONGEST_ACRONYM
        wanted = re.escape(word.upper() if acronym else word)
        found.append(
            (word.lower(), country, re.compile(rf"(?<!\w){wanted}(?!\w)", re.NOFLAG if acronym else re.IGNORECASE))
        )
    return tuple(found)
