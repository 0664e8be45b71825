"""Read the lexicons: one file a language, each phrase under the concept that it stands for.

A file's notation is short: terms are separated by commas, `(a|b)` are alternatives (one may be empty),
`*` at an end lets the word go on there, and inside a phrase it stands for each of the file's
`inflections`. A term in capitals (an acronym: `HSE`, `IT`) counts only in capitals. `world.toml`
holds what is the same in every language.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("lexicon")
WORLD = "world"
_ALTERNATIVES = re.compile(r"\(([^()]*)\)")


class LexiconError(ValueError):
    """Say which lexicon is faulty, where and why."""


@dataclass(frozen=True, slots=True)
class Term:
    """Hold one phrase in lower case, its concept and language, and where the word may go on."""

    text: str
    concept: str
    language: str
    open_start: bool = False
    open_end: bool = False
    capitals: bool = False


@cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a lexicon."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != WORLD))


@cache
def terms(language: str) -> tuple[Term, ...]:
    """Return all terms of one language's file (or of `world`)."""
    found: list[Term] = []
    inflections = _inflections(language)
    for concept, written in _table(language, "terms").items():
        if not isinstance(written, str):
            raise LexiconError(f"lexicon/{language}.toml: {concept}: write one string, terms separated by commas")
        found.extend(parse_terms(written, concept, language, inflections))
    return tuple(found)


@cache
def all_terms() -> tuple[Term, ...]:
    """Return the terms of every language, the world's last."""
    return tuple(term for language in (*languages(), WORLD) for term in terms(language))


def missing_concepts(language: str, template: str = "en") -> list[str]:
    """Return the concepts that the template's file has and this one lacks."""
    if language not in languages():
        raise LexiconError(f"no lexicon for {language!r}; there are {', '.join(languages())}")
    have = {term.concept for term in terms(language)}
    return sorted({term.concept for term in terms(template)} - have)


@cache
def numbers() -> dict[str, int]:
    """Return number words of all languages with their values."""
    found: dict[str, int] = {}
    for language in languages():
        found.update({word: int(value) for word, value in _table(language, "numbers").items()})
    return found


@cache
def _file(language: str) -> dict[str, object]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def _table(language: str, name: str) -> dict[str, str]:
    table = _file(language).get(name, {})
    if not isinstance(table, dict):
        raise LexiconError(f"lexicon/{language}.toml: [{name}] must be a table")
    return table


def parse_terms(written: str, concept: str, language: str, inflections: tuple[str, ...]) -> Iterator[Term]:
    """Parse one key's terms, each once."""
    seen: set[Term] = set()
    for piece in written.replace("\n", ",").split(","):
        for text in _expand(piece.strip()):
            bare = " ".join(text.strip("*").split())
            if "(" in bare or ")" in bare:
                raise LexiconError(f"lexicon/{language}.toml: {concept}: cannot read {piece.strip()!r}")
            for inflected in _inflect(bare, inflections):
                term = Term(
                    inflected.lower(),
                    concept,
                    language,
                    text.startswith("*"),
                    text.endswith("*"),
                    inflected.isupper() and inflected.isascii(),
                )
                if inflected and term not in seen:
                    seen.add(term)
                    yield term


def _inflections(language: str) -> tuple[str, ...]:
    given = _file(language).get("inflections", ["", "s"])
    if not isinstance(given, list):
        raise LexiconError(f"lexicon/{language}.toml: inflections must be a list of endings")
    return tuple(str(ending) for ending in given)


def _inflect(text: str, inflections: tuple[str, ...]) -> Iterator[str]:
    before, star, after = text.partition("*")
    if not star:
        yield text
        return
    for ending in inflections:
        for rest in _inflect(after, inflections):
            yield before + ending + rest


def _expand(text: str) -> Iterator[str]:
    found = _ALTERNATIVES.search(text)
    if not found:
        yield text
        return
    for choice in found.group(1).split("|"):
        yield from _expand(text[: found.start()] + choice + text[found.end() :])
