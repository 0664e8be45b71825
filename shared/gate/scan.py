"""Find the lexicons' terms in a text, all at once.

Hyperscan scans UTF-8 for some ten thousand phrases at once and compiles them in a fraction of a second.
Short words ("er", "ght") carry their word boundaries into the engine, else they would be found inside
every other word; for the rest boundaries are checked after the match, and not in scripts without spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import hyperscan

from shared.gate.terms import Term

# Scripts that write no space between words: kana, Han, Thai, Lao, Khmer, Myanmar.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
)  # fmt: skip
_FIRST_UNSPACED = "\u0e00"
_PLAIN = {"ł": "l", "ø": "o", "đ": "d", "ı": "i"}
_SHORTEST_WITHOUT_ACCENTS = 6
_LONGEST_BOUNDED_BY_THE_ENGINE = 4
_GREEK_OR_CYRILLIC = 0x0530
# How far a word goes on beside a term at most: without an end, one long word costs the square of its terms.
_LONGEST_REACH = 60


class Hit(NamedTuple):
    """Hold where a term stands (offsets in characters), and what it means."""

    start: int
    end: int
    concept: str
    language: str


class _Phrase(NamedTuple):
    """Hold a phrase's length, whether it is bounded at its ends and may ask for capitals, and what it stands for."""

    length: int
    edge_start: bool
    edge_end: bool
    capitals: bool
    terms: tuple[Term, ...]


class Scanner:
    """Find many terms in one pass; built once, it is used by one thread at a time."""

    def __init__(self, terms: Iterable[Term]) -> None:
        """Compile the terms, each also without its accents (headlines lose them)."""
        by_text: dict[str, list[Term]] = {}
        for term in terms:
            for text in dict.fromkeys((term.text, _without_accents(term.text))):
                by_text.setdefault(text, []).append(term)
        self._terms: list[list[Term]] = list(by_text.values())
        # A boundary is asked for only where the phrase ends in a letter or digit of a script with spaces.
        self._phrases = [
            _Phrase(
                len(text), _bounded(text[0]), _bounded(text[-1]), any(term.capitals for term in terms), tuple(terms)
            )
            for text, terms in by_text.items()
        ]
        expressions = [_expression(text, terms) for text, terms in by_text.items()]
        self._empty = not expressions
        if self._empty:
            return
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=expressions,
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[0] * len(expressions),
        )

    def masks(self, *kinds: frozenset[str]) -> list[int]:
        """Return for each phrase, by its number, which kinds of concepts it stands for (a bit for each kind)."""
        return [
            sum(1 << bit for bit, kind in enumerate(kinds) if any(term.concept in kind for term in terms))
            for terms in self._terms
        ]

    def raw(self, data: bytes) -> list[tuple[int, int]]:
        """Return where phrases end (in bytes) with their numbers, before boundaries and capitals are checked."""
        found: list[tuple[int, int]] = []
        if not self._empty:
            self._database.scan(data, match_event_handler=_collect, context=found)
        return found

    def hits(self, lowered: str, written: str) -> list[Hit]:
        """Return the hits in a text, by place; it is given in lower case and as written, of one length."""
        data = lowered.encode("utf-8", "surrogatepass")
        raw = self.raw(data)
        return self.checked(raw, data, lowered, written) if raw else []

    def checked(
        self, raw: list[tuple[int, int]], data: bytes, lowered: str, written: str, *, once: bool = False
    ) -> list[Hit]:
        """Turn what `raw` found into hits, by place.

        With `once` a phrase that is repeated counts the first time, since 2,000 hospitals tell the gate no more
        than one.
        """
        raw.sort()
        told: set[tuple[int, bool, bool]] = set()
        found: list[Hit] = []
        ascii_only = len(data) == len(lowered)
        seen_bytes = end = 0
        last = len(lowered)
        phrases = self._phrases
        for end_byte, identity in raw:
            if ascii_only:
                end = end_byte
            elif end_byte > seen_bytes:
                end += len(data[seen_bytes:end_byte].decode("utf-8", "surrogatepass"))
                seen_bytes = end_byte
            length, edge_start, edge_end, capitals, terms = phrases[identity]
            start = end - length
            inside_start = edge_start and start > 0 and lowered[start - 1].isalnum()
            inside_end = edge_end and end < last and lowered[end].isalnum()
            if once and not capitals:
                if (identity, inside_start, inside_end) in told:
                    continue
                told.add((identity, inside_start, inside_end))
            if inside_start or inside_end:
                _add_inside(terms, (start, end), (inside_start, inside_end), (lowered, written), found)
                continue
            found += [
                Hit(start, end, term.concept, term.language)
                for term in terms
                if not term.capitals or written[start:end].isupper()
            ]
        found.sort()
        return found


def _add_inside(
    terms: tuple[Term, ...], span: tuple[int, int], inside: tuple[bool, bool], text: tuple[str, str], found: list[Hit]
) -> None:
    """Add the terms of a phrase that stands in a longer word, where a word may go on there."""
    (start, end), (inside_start, inside_end), (lowered, written) = span, inside, text
    for term in terms:
        if (inside_start and not term.open_start) or (inside_end and not term.open_end):
            continue
        if term.capitals and not written[start:end].isupper():
            continue
        first = _word_start(lowered, start) if inside_start else start
        last = _word_end(lowered, end) if inside_end else end
        found.append(Hit(first, last, term.concept, term.language))


def _expression(text: str, terms: list[Term]) -> bytes:
    """Return the engine's expression for a phrase: the phrase itself, with boundaries where it is short."""
    escaped = b"".join(b"\\x%02x" % byte for byte in text.encode())
    if len(text) > _LONGEST_BOUNDED_BY_THE_ENGINE or not text.isascii():
        return escaped
    before = b"" if not text[0].isalnum() or any(term.open_start for term in terms) else rb"\b"
    after = b"" if not text[-1].isalnum() or any(term.open_end for term in terms) else rb"\b"
    return before + escaped + after


def lower(text: str) -> str:
    """Lower the case of a text and keep its length, so that offsets stay true."""
    lowered = text.lower()
    if text.isascii():
        return lowered
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered.replace("’", "'")


def _collect(identity: int, _start: int, end: int, _flags: int, raw: Any) -> None:
    raw.append((end, identity))


def _word_start(text: str, place: int) -> int:
    """Return where the word begins that goes on before a place, or the farthest that a word may reach."""
    edge = max(0, place - _LONGEST_REACH)
    while place > edge and (text[place - 1].isalnum() or text[place - 1] == "-"):
        place -= 1
    return place


def _word_end(text: str, place: int) -> int:
    """Return where the word ends that goes on behind a place, or the farthest that a word may reach."""
    edge = min(len(text), place + _LONGEST_REACH)
    while place < edge and text[place].isalnum():
        place += 1
    return place


@lru_cache(maxsize=65536)
def _bounded(char: str) -> bool:
    """Say whether a word may not go on beside this character."""
    if not char.isalnum():
        return False
    code = ord(char)
    return not any(first <= code <= last for first, last in _UNSPACED)


@lru_cache(maxsize=65536)
def _unspaced(char: str) -> bool:
    return char.isalnum() and not _bounded(char)


def unspaced(text: Sequence[str]) -> bool:
    """Say whether a text starts in a script that writes no spaces."""
    # Asked for every term and every word of a name: what is below U+0E00 is answered without a call.
    return bool(text) and text[0] >= _FIRST_UNSPACED and _unspaced(text[0])


def _without_accents(text: str) -> str:
    if text.isascii() or len(text) < _SHORTEST_WITHOUT_ACCENTS:
        return text
    return "".join(_plain(char) for char in text)


def _plain(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    parts = unicodedata.normalize("NFD", char)
    if len(parts) > 1 and ord(parts[0]) < _GREEK_OR_CYRILLIC:
        return parts[0]
    return char
