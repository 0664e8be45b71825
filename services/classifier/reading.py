"""Read an article: its sentences, its languages and the lexicons' terms in them.

The document that is judged is the title, a blank line and the text (the text alone where there is no
title); `place` turns an offset in it back into one in the title or the text as given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from services.classifier.article import Article
from services.classifier.judgement import Field
from services.classifier.masking import unmask
from services.classifier.plain_words import told_plainly
from services.classifier.signed import signs_itself
from shared.gate.gate import CONCEPTS, HEAD_CHARACTERS, PLAIN, gate_scanner, plain_scanner
from shared.gate.scan import Hit, Scanner, lower
from shared.gate.terms import WORLD, all_terms, terms
from shared.gate.terms import languages as languages_known

READ_CHARACTERS = 20_000
TITLE_CHARACTERS = 1_000
SENTENCE_CHARACTERS = 700
_SEPARATOR = "\n\n"
_SENTENCE_END = re.compile(r"[.!?…][\"'”»)\]]*(?=\s)|[。！？][」』”）]*|\n+")
_ABBREVIATED = re.compile(
    r"(?:\b(?:St|Ste|Sf|Dr|Drs|Mr|Mrs|Ms|Prof|Inc|Corp|vs|No|Nr|ca|bzw|ul|św|im|M|Sta|Sto|Sr|Jr|Co"
    r"|Sept|Oct|Nov|Dec|Aug|Jan|Feb)|\b[A-Z]|\d)\.$"
)
_CLAUSE_MARKS = r"[,;:–—()]|\s-\s|[、，；：]"
# By language, since "a" is "and" in Czech and an article in English.
_CONJUNCTIONS = {
    "en": "and but while so", "fr": "et mais donc tandis", "de": "und aber sondern", "es": "y pero mientras",
    "it": "e ma mentre", "pt": "e mas enquanto", "nl": "en maar terwijl", "da": "og men", "no": "og men",
    "sv": "och men", "pl": "i ale oraz a", "cs": "a ale", "fi": "ja mutta", "ca": "i però", "ro": "și dar",
    "sk": "a ale", "ru": "и но а", "uk": "і та але", "hu": "és de", "tr": "ve ama", "hr": "i ali", "sl": "in ampak",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """Hold one sentence: where it stands and the hits in it."""

    index: int
    start: int
    end: int
    hits: tuple[Hit, ...]
    title: bool = False
    _by_concept: dict[str, list[Hit]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the hits by concept once: they are asked for some hundred times."""
        by_concept: dict[str, list[Hit]] = {}
        for hit in self.hits:
            by_concept.setdefault(hit.concept, []).append(hit)
        object.__setattr__(self, "_by_concept", by_concept)

    @property
    def concepts(self) -> frozenset[str]:
        """Return the concepts of which the sentence has a hit."""
        return frozenset(self._by_concept)

    def of(self, *concepts: str) -> list[Hit]:
        """Return the sentence's hits of these concepts, by place."""
        present = [concept for concept in concepts if concept in self._by_concept]
        if len(present) <= 1:
            return self._by_concept[present[0]] if present else []
        return [hit for hit in self.hits if hit.concept in present]

    def has(self, *concepts: str) -> bool:
        """Say whether the sentence has a hit of any of these concepts."""
        return not self._by_concept.keys().isdisjoint(concepts)


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold an article as read."""

    article: Article
    document: str
    lowered: str
    title_length: int
    sentences: tuple[Sentence, ...]
    languages: tuple[str, ...]
    title_map: tuple[int, ...] | None = None
    text_map: tuple[int, ...] | None = None

    @property
    def language(self) -> str | None:
        """Return the article's language, as told or as its words show it."""
        return self.languages[0] if self.languages else None

    def quote(self, start: int, end: int) -> str:
        """Return a span of the document."""
        return self.document[start:end]

    def place(self, start: int, end: int) -> tuple[Field, int, int]:
        """Turn a span of the document into one of the title or of the text as given."""
        if start < self.title_length:
            return "title", *_given(self.title_map, start, min(end, self.title_length))
        shift = self.title_length + len(_SEPARATOR) if self.title_length else 0
        return "text", *_given(self.text_map, start - shift, end - shift)

    def clause(self, sentence: Sentence, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the clause that holds a span of a sentence."""
        mark = _clause_end(self.languages[:2])
        first = sentence.start
        for found in mark.finditer(self.document, sentence.start, start):
            first = found.end()
        last = mark.search(self.document, end, sentence.end)
        return first, last.start() if last else sentence.end


def read(article: Article) -> Reading:
    """Read an article; no text is too odd, and only its first 20,000 characters are read."""
    title, title_map = _composed(article.title[:TITLE_CHARACTERS])
    text, text_map = _composed(article.text[:READ_CHARACTERS])
    if not title.strip():
        title, title_map = "", None
    document = (title + _SEPARATOR if title else "") + text
    lowered = lower(document)
    # Attack and care are looked for in every language, the rest only in the article's own.
    hits = [*gate_scanner().hits(lowered, document), *plain_scanner().hits(lowered, document)]
    languages = _languages(article.lang, [*hits, *_common_words().hits(lowered, document)], lowered)
    allowed = {*languages, WORLD}
    # A word for care in a name counts whatever its language: "Klinikum" in an English text.
    hits = [h for h in hits if h.language in allowed or (h.concept == "care" and document[h.start].isupper())]
    for language in (*languages, WORLD):
        hits += _rest(language).hits(lowered, document)
    kept = _longest(hits)
    # A provider's own name behind its notice is no publisher's.
    kept = unmask(kept, 0 if signs_itself(title, kept) else len(title), document)
    sentences = tuple(_sentences(document, len(title), kept))
    return Reading(article, document, lowered, len(title), sentences, languages, title_map, text_map)


def _composed(given: str) -> tuple[str, tuple[int, ...] | None]:
    """Compose letters with their accents (NFC), with where each character stood, where that changes anything."""
    if unicodedata.is_normalized("NFC", given):
        return given, None
    pieces: list[str] = []
    places: list[int] = []
    start = 0
    for place in range(1, len(given) + 1):
        if place < len(given) and unicodedata.combining(given[place]):
            continue
        piece = unicodedata.normalize("NFC", given[start:place])
        pieces.append(piece)
        places.extend([start] * len(piece))
        start = place
    return "".join(pieces), (*places, len(given))


def _given(places: tuple[int, ...] | None, start: int, end: int) -> tuple[int, int]:
    return (places[start], places[end]) if places else (start, end)


@cache
def _clause_end(languages: tuple[str, ...]) -> re.Pattern[str]:
    """Return what ends a clause in these languages: marks, and words like "and"."""
    words = sorted({word for language in languages for word in _CONJUNCTIONS.get(language, "").split()})
    return re.compile(rf"{_CLAUSE_MARKS}|\s(?:{'|'.join(words)})\s" if words else _CLAUSE_MARKS)


@cache
def _common_words() -> Scanner:
    """Return a scanner of the function words that tell languages apart."""
    return Scanner(term for term in all_terms() if term.concept == "common")


@cache
def _rest(language: str) -> Scanner:
    """Return a scanner of one language's terms that the gate does not look for."""
    left_out = {*CONCEPTS, *PLAIN, "common"}
    known = language == WORLD or language in languages_known()
    return Scanner(term for term in (terms(language) if known else ()) if term.concept not in left_out)


def _longest(hits: list[Hit]) -> list[Hit]:
    """Drop a hit inside a longer one of the same concept."""
    kept: list[Hit] = []
    reach: dict[str, int] = {}
    for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
        if hit.end <= reach.get(hit.concept, -1) and not (
            kept and kept[-1][:3] == hit[:3] and kept[-1].language != hit.language
        ):
            continue
        reach[hit.concept] = max(hit.end, reach.get(hit.concept, -1))
        kept.append(hit)
    return kept


def _languages(told: str | None, hits: list[Hit], lowered: str) -> tuple[str, ...]:
    """Return the languages whose terms count, the article's own first.

    Function words weigh most; all other terms vote by their length, shared among the languages that have
    them. A told language counts, even where its words are few, but a second one may stand beside it: digests
    come in one language under a headline in another.
    """
    votes: dict[str, float] = {}
    shared: dict[tuple[int, int], set[str]] = {}
    for start, end, _, language in hits:
        if language != WORLD:
            shared.setdefault((start, end), set()).add(language)
    for start, end, concept, language in hits:
        if language != WORLD:
            weight = min(3.0, float(end - start)) if concept == "common" else (end - start) / 6
            votes[language] = votes.get(language, 0.0) + weight / len(shared[start, end])
    code = (told or "").lower().replace("_", "-").split("-")[0] or None
    if code in {"nb", "nn"}:
        code = "no"
    ranked = sorted(votes, key=votes.__getitem__, reverse=True)
    if not ranked:
        return (code,) if code else ()
    best = votes[ranked[0]]
    kept = [language for language in ranked if votes[language] >= max(0.34 * best, 1.0)] or ranked[:1]
    if code:
        kept = [code, *(language for language in kept if language != code)]
    return tuple(kept[:4])


def _sentences(document: str, title_length: int, hits: list[Hit]) -> Iterator[Sentence]:
    starts = [hit.start for hit in hits]
    bounds = list(_bounds(document))
    own = [hits[bisect_right(starts, start - 1) : bisect_right(starts, end - 1)] for start, end in bounds]
    told = told_plainly(own, [start < HEAD_CHARACTERS for start, _ in bounds], document)
    for index, (start, end) in enumerate(bounds):
        yield Sentence(index, start, end, told[index], title=start < title_length)


def _bounds(document: str) -> Iterator[tuple[int, int]]:
    start = 0
    for found in _SENTENCE_END.finditer(document):
        end = found.end()
        if _ABBREVIATED.search(document, max(start, end - 7), end):
            continue
        yield from _pieces(document, start, end)
        start = end
    yield from _pieces(document, start, len(document))


def _pieces(document: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what never ends: work on a sentence grows with the square of its terms."""
    for piece in range(start, end, SENTENCE_CHARACTERS):
        stop = min(end, piece + SENTENCE_CHARACTERS)
        if document[piece:stop].strip():
            yield piece, stop
