"""Say whether two victims are the same provider: the same, vaguely, two different ones, or nothing known.

"Vaguely" is a name that is only a town's hospital beside a fuller one: it may be the same, and it is
unless something else speaks against it. "Different" is a veto: two houses in one town.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from services.tracker.names import Name, fold, read_name, same_word, town, unspaced, words_of
from shared.events import Victim

_WEAK = frozenset({"memorial", "community", "central", "mercy", "trinity", "good", "holy", "clinic"})
"""Names that many providers bear: alone they do not make two of them one."""


class Kind(StrEnum):
    """What two names are to each other."""

    SAME = "same"
    VAGUE = "vague"
    DIFFERENT = "different"
    UNRELATED = "unrelated"


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two victims are (0 to 100), and why."""

    kind: Kind
    score: int
    why: str


@lru_cache(maxsize=65536)
def compare_victims(one: Victim, other: Victim) -> Likeness:
    """Compare two victims by country, then by name and place.

    1. Two stated countries that differ: unrelated.
    2. The same normalised name: the same.
    3. Kinds that differ (children's hospital, laboratory) or points of the compass: different.
    4. An acronym beside the words it stands for: the same.
    5. Words left over on both sides: different. On one side only: the fuller spelling of the same name.
    6. Nothing but the town in common: vague.
    """
    if one.country and other.country and one.country != other.country:
        return Likeness(Kind.UNRELATED, 0, f"{one.country} is not {other.country}")
    a, b = read_name(one.name), read_name(other.name)
    places = town(one.place or "") | town(other.place or "")
    if one.normalised and fold(one.normalised) == fold(other.normalised) and not a.empty:
        return Likeness(Kind.SAME, 100, f"both are {one.normalised!r}")
    same_town = bool(town(one.place or "") & town(other.place or ""))
    if short := _stands_for(a, b) or _stands_for(b, a):
        return Likeness(short, 95, f"{one.name!r} and {other.name!r}: one is short for the other")
    if a.empty and b.empty and words_of(one.name) == words_of(other.name) and (a.proper or same_town):
        kind = Kind.SAME if a.compass or same_town else Kind.VAGUE
        return Likeness(kind, 85, f"{one.name!r} as in the other report")
    return _compare(a, b, places, same_town)


def _compare(a: Name, b: Name, places: frozenset[str], same_town: bool) -> Likeness:
    """Compare two names word by word."""
    pair = f"{a.text!r} and {b.text!r}"
    beside = {word for word in a.core | a.aside if _among(word, b.core | b.aside)}
    left_a = _left(a, b, places)
    left_b = _left(b, a, places)
    telling = {word for word in beside if not _among(word, places) and word not in _WEAK}
    if not beside and not same_town:
        return Likeness(Kind.UNRELATED, 0, f"{pair} have no word in common")
    if _apart(a.compass, b.compass) or _apart(a.separate, b.separate):
        return Likeness(Kind.DIFFERENT, 0, f"{pair} are of different kinds")
    house = len(telling) > 1 or (places and telling)
    if a.separate != b.separate and not house:
        return Likeness(Kind.DIFFERENT, 0, f"{pair} are of different kinds")
    if _apart(a.rank, b.rank) and len(telling) < 2:
        return Likeness(Kind.DIFFERENT, 0, f"{pair} are of different rank")
    if left_a and left_b:
        kind = Kind.DIFFERENT if beside or same_town else Kind.UNRELATED
        return Likeness(kind, 0, f"{pair} differ")
    if (left_a or left_b) and not house:
        return _vague(a, b, left_a, bool(beside - _WEAK) or same_town, pair)
    if beside and not (left_a or left_b):
        return Likeness(Kind.SAME, 100, f"{pair} are spellings of one name")
    if telling:
        return Likeness(Kind.SAME, 90, f"{pair}: one is the fuller name")
    return Likeness(Kind.VAGUE, 70, f"{pair}: the same town")


def _left(one: Name, other: Name, places: frozenset[str]) -> bool:
    """Say whether `one` has words that `other` lacks; a name in two scripts is not contradicted by one of them."""
    theirs = other.core | other.aside | places
    return any(
        not _among(word, theirs) and (not unspaced(word) or any(unspaced(their) for their in theirs))
        for word in one.core
    )


def _vague(a: Name, b: Name, a_is_fuller: bool, enough: bool, pair: str) -> Likeness:
    """Judge a town's hospital beside a fuller name there: its rank must not speak against it."""
    fuller, shorter = (a, b) if a_is_fuller else (b, a)
    if shorter.rank and not shorter.rank & fuller.rank:
        return Likeness(Kind.DIFFERENT, 0, f"{pair} are of different rank")
    if not enough:
        return Likeness(Kind.UNRELATED, 0, f"{pair} have only a common word in common")
    return Likeness(Kind.VAGUE, 75, f"{pair}: one may be the fuller name")


def _stands_for(short: Name, long: Name) -> Kind | None:
    """Say whether `short` has an acronym of the initials of `long`; vaguely, where it says more."""
    if len(long.initials) < 3 or long.initials not in short.acronyms:
        return None
    rest = short.core - {long.initials}
    return Kind.SAME if all(_among(word, long.core | long.aside) for word in rest) else Kind.VAGUE


def _among(word: str, words: frozenset[str]) -> bool:
    return word in words or any(same_word(word, other) for other in words)


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other) and not one & other
