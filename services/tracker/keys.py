"""Say by which words an incident is found, so that a report is compared with few of them.

Exact words find an incident of any time. Words with a letter left out find other spellings among those
of the same weeks. What names nobody has a mark of its own. Whatever `services.tracker.merge` would match
must share a key; whether it does match is decided there.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.tracker.names import Name, fold, read_name, town, unspaced, without_umlauts, words_of
from shared.events import Victim

NAMELESS = "?"
"""The mark of an incident that names nobody."""
_INITIALS = "="
"""The mark of initials that an acronym may stand for."""
_COUNTRY = "@"
"""The mark of a country, alone that of no country known."""
_BEGINNING = 5
_LONGEST = 24


def exact_keys(victims: Sequence[Victim], suppliers: Sequence[str]) -> set[str]:
    """Return the words by which a report finds incidents of any time: names, towns, suppliers, acronyms.

    Initials find acronyms and acronyms find initials, but initials do not find initials: many names share them.
    """
    names = _names(victims, suppliers)
    initials = {without_umlauts(name.initials) for name in names if len(name.initials) > 2}
    return _words(victims, suppliers) | initials | {_stands_for(acronym) for name in names for acronym in name.acronyms}


def spelling_keys(exact: set[str]) -> set[str]:
    """Return each word with one letter left out, and beginnings, for endings of declension.

    Two words that differ by one letter more, less or changed have such a form in common.
    """
    keys: set[str] = set()
    for word in exact:
        if unspaced(word):
            keys |= {f"~{word[at : at + 2]}" for at in range(len(word) - 1)}
        elif len(word) >= _BEGINNING and not word.startswith(_INITIALS):
            letters = word[:_LONGEST]
            keys |= {f"~{letters}", f"{letters[:_BEGINNING]}-"}
            keys |= {f"~{letters[:at]}{letters[at + 1 :]}" for at in range(len(letters))}
    return keys


def names_somebody(victims: Sequence[Victim], suppliers: Sequence[str] = ()) -> bool:
    """Say whether a victim or supplier is named that can be told from others."""
    return any(is_specific(victim) for victim in victims) or bool(suppliers)


def is_specific(victim: Victim) -> bool:
    """Say whether this victim can be told from others."""
    name = read_name(victim.name)
    return not name.empty or name.proper


def country_keys(victims: Sequence[Victim]) -> set[str]:
    """Return the marks of the victims' countries, or the mark of none."""
    return {f"{_COUNTRY}{victim.country}" for victim in victims if victim.country} or {_COUNTRY}


def agreeing_keys(victims: Sequence[Victim]) -> set[str]:
    """Return the marks of countries that agree with those of a report; none where every country does."""
    marks = country_keys(victims)
    return set() if marks == {_COUNTRY} else marks | {_COUNTRY}


def stored_keys(victims: Sequence[Victim], suppliers: Sequence[str]) -> list[str]:
    """Return all by which an incident is to be found."""
    words = _words(victims, suppliers)
    nameless = set() if any(is_specific(victim) for victim in victims) else {NAMELESS}
    initials = {_stands_for(name.initials) for name in _names(victims, suppliers) if len(name.initials) > 2}
    return sorted(words | spelling_keys(words) | initials | nameless | country_keys(victims))


def _words(victims: Sequence[Victim], suppliers: Sequence[str]) -> set[str]:
    keys: set[str] = set()
    for victim in victims:
        name = read_name(victim.name)
        keys |= name.keys() | town(victim.place or "")
        if victim.normalised:
            keys.add(fold(victim.normalised))
        if name.empty and victim.name:
            keys.add(" ".join(words_of(victim.name)))
    for supplier in suppliers:
        keys |= read_name(supplier).keys() | set(words_of(supplier))
    return {without_umlauts(key) for key in keys if key}


def _names(victims: Sequence[Victim], suppliers: Sequence[str]) -> list[Name]:
    return [read_name(name) for name in (*(victim.name for victim in victims), *suppliers)]


def _stands_for(letters: str) -> str:
    return f"{_INITIALS}{without_umlauts(letters)}"
