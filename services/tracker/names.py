"""Read the names of care providers, and say whether two of them name the same one.

A name is taken apart into what tells providers apart (the core), its rank (university, regional),
its kind where that makes it another house (children, laboratory), points of the compass, and what
everyone is called, which is dropped. The words are data: `names.toml`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from rapidfuzz.fuzz import ratio

_WORD = re.compile(r"[^\W_]+")
_ASIDE = re.compile(r"\(([^()]*)\)|\[([^][]*)\]|,(.*)$")
_APOSTROPHE_S = re.compile(r"['’`´]s\b")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
MAX_NAME = 300
"""Characters of a name that are read: longer ones come from broken or hostile sources."""
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("ss", "s"))
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿가-힣฀-๿]")


@dataclass(frozen=True, slots=True)
class Name:
    """Hold a name taken apart. `aside` are words in brackets or after a comma: they may match, need not."""

    text: str
    core: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()
    rank: frozenset[str] = frozenset()
    separate: frozenset[str] = frozenset()
    compass: frozenset[str] = frozenset()
    initials: str = ""
    acronyms: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Say whether nothing is left that tells this provider from any other."""
        return not (self.core or self.aside or self.acronyms)

    @property
    def proper(self) -> bool:
        """Say whether words that everyone uses are written as a name: "National Health Service".

        Two are not enough: headlines capitalise "Medical Center", too.
        """
        if _words().nations & set(words_of(self.text)):
            return False
        return len([word for word in _WORD.findall(self.text) if word[0].isupper()]) >= 3

    def keys(self) -> frozenset[str]:
        """Return the words by which incidents of the same name are found."""
        return self.core | self.aside | self.acronyms


@dataclass(frozen=True, slots=True)
class _Words:
    joining: frozenset[str]
    generic: frozenset[str]
    nations: frozenset[str]
    rank: Mapping[str, frozenset[str]]
    separate: Mapping[str, frozenset[str]]
    compass: Mapping[str, frozenset[str]]
    towns: Mapping[str, str]
    ends: tuple[str, ...]
    unspaced_ends: tuple[str, ...]


def fold(text: str) -> str:
    """Lower the case and take off accents (of European scripts only: elsewhere marks are letters)."""
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    apart = unicodedata.normalize("NFD", composed)
    bare = "".join(char for char in apart if not "\u0300" <= char <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def words_of(text: str) -> list[str]:
    """Split folded text into words."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=4096)
def town(text: str) -> frozenset[str]:
    """Return the words of a place, with the names that a town has in other languages made one."""
    table = _words()
    return frozenset(table.towns.get(word, word) for word in words_of(text) if word not in table.joining)


@lru_cache(maxsize=8192)
def read_name(text: str) -> Name:
    """Take a provider's name apart."""
    written, text = text, _APOSTROPHE_S.sub("", text[:MAX_NAME])
    asides = [part for found in _ASIDE.findall(text) for part in found if part]
    plain = _ASIDE.sub(" ", text)
    main, aside = _sort(plain), _sort(" ".join(asides))
    if not (main.core or main.acronyms):
        main = _sort(f"{plain} {' '.join(asides)}")
        aside = Name("")
    return Name(
        written,
        main.core,
        aside.core - main.core,
        main.rank | aside.rank,
        main.separate | aside.separate,
        main.compass,
        main.initials,
        main.acronyms | aside.acronyms,
    )


def _sort(text: str) -> Name:
    """Put each word where it belongs."""
    table = _words()
    core: set[str] = set()
    found: dict[str, set[str]] = {"rank": set(), "separate": set(), "compass": set()}
    initials, generic = "", []
    raw = _WORD.findall(text)
    for word in (part for original in raw for part in _parts(fold(original))):
        if word in table.joining:
            continue
        initials += word[0]
        kinds = {kind: {name for name, members in getattr(table, kind).items() if word in members} for kind in found}
        for kind, names in kinds.items():
            found[kind] |= names
        if word in table.generic:
            generic.append(word)
        elif not any(kinds.values()) and (len(word) > 1 or word.isdigit()):
            core.add(table.towns.get(word, word))
    if core <= table.nations:
        core.clear()
    if _both_hospital_and_clinic(generic):
        core.add("clinic")
    acronyms = frozenset(fold(word) for word in raw if _is_acronym(word)) - table.generic - table.joining
    return Name(
        text,
        frozenset(core),
        rank=frozenset(found["rank"]),
        separate=frozenset(found["separate"]),
        compass=frozenset(found["compass"]),
        initials=initials,
        acronyms=acronyms & core,
    )


def _parts(word: str) -> list[str]:
    """Take compounds apart: "lukaskrankenhaus", "市民病院"."""
    table = _words()
    if _UNSPACED.search(word):
        for end in table.unspaced_ends:
            if word.endswith(end) and len(word) > len(end):
                return [word.removesuffix(end)]
        return [word] if word not in table.unspaced_ends else []
    if word in table.generic or any(word in members for members in table.rank.values()):
        return [word]
    if any(word in members for members in table.separate.values()):
        return [word]
    for end in table.ends:
        if word.endswith(end) and len(word) > len(end) + 2:
            return [word.removesuffix(end), end]
    return [word]


def _is_acronym(word: str) -> bool:
    return 2 <= len(word) <= 6 and word.isupper() and word.isascii()


def _both_hospital_and_clinic(generic: Iterable[str]) -> bool:
    """Say whether "clinic" is the proper name, as in "Hospital Clínic"."""
    stems = [word[:5] for word in generic]
    return any(s in {"hospi", "hopit", "osped"} for s in stems) and any(s == "clini" for s in stems)


@lru_cache(maxsize=65536)
def same_word(one: str, other: str) -> bool:
    """Say whether two words are spellings of one: umlauts, typing errors, endings of declension."""
    if one == other or without_umlauts(one) == without_umlauts(other):
        return True
    if _UNSPACED.search(one) and _UNSPACED.search(other):
        shorter, longer = sorted((one, other), key=len)
        return longer.endswith(shorter) or bool(len(shorter) >= 3 and shorter in longer)
    if min(len(one), len(other)) < 5 or one.isdigit() or other.isdigit():
        return False
    likeness = float(ratio(one, other, score_cutoff=80))
    return likeness >= 88 or (one[:5] == other[:5] and likeness >= 80)


def unspaced(word: str) -> bool:
    """Say whether a word is of a script that puts no blanks between words."""
    return bool(_UNSPACED.search(word))


@lru_cache(maxsize=16384)
def without_umlauts(word: str) -> str:
    """Write "ae", "oe", "ue" and "ss" as those do who have no umlauts."""
    for long, short in _UMLAUTS:
        word = word.replace(long, short)
    return word


@cache
def _words() -> _Words:
    data = tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))

    def groups(section: str) -> dict[str, frozenset[str]]:
        return {name: frozenset(text.split()) for name, text in data[section].items()}

    def longest_first(text: str) -> tuple[str, ...]:
        return tuple(sorted(text.split(), key=len, reverse=True))

    towns = {word: name for name, text in data["towns"].items() for word in text.split()}
    return _Words(
        joining=frozenset(data["joining"].split()),
        generic=frozenset(data["generic"].split()),
        nations=frozenset(data["nations"].split()),
        rank=groups("rank"),
        separate=groups("separate"),
        compass=groups("compass"),
        towns=towns,
        ends=longest_first(data["compounds"]["ends"]),
        unspaced_ends=longest_first(data["unspaced"]["ends"]),
    )
