"""Check what a language's lexicon can say against a template of sentences (`codegrey lexicon check LANG`).

A slot of the template is filled where the judge, reading a sentence made of the language's own terms, finds the
signal that the sentence stands for. So it holds the words to their use, not only to their number.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, permutations, product
from pathlib import Path

from services.classifier.article import Article
from services.classifier.judge import study
from services.classifier.reading import read
from shared.gate.scan import unspaced
from shared.gate.terms import WORLD, LexiconError, languages, terms

TEMPLATE = Path(__file__).with_name("lexicon_template.toml")
_TRIED = 60
_TERMS_TRIED = 4
# As whom a victim's name may be read.
_VICTIM = frozenset({"care", "provider", "vendor_care", "supplier", "emergency", "ambulance", "dispatch"})


@dataclass(frozen=True, slots=True)
class Slot:
    """Hold one sentence of the template; exactly one of signal, aside and at_least is set."""

    group: str
    says: str
    parts: tuple[tuple[str, ...], ...]
    signal: str = ""
    aside: str = ""
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """Hold whether a language fills a slot: by which sentence, or what is missing."""

    group: str
    says: str
    filled: bool
    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Hold what a language's file can say and what it lacks."""

    language: str
    slots: tuple[Filled, ...]

    @property
    def lacking(self) -> tuple[Filled, ...]:
        """Return the slots that are not filled."""
        return tuple(slot for slot in self.slots if not slot.filled)

    @property
    def share(self) -> float:
        """Return the share of slots that are filled."""
        return sum(slot.filled for slot in self.slots) / len(self.slots)


@cache
def check(language: str) -> Checked:
    """Check one language's file; LexiconError where there is none."""
    if language not in languages():
        raise LexiconError(f"no lexicon for {language!r}; there are {', '.join(languages())}")
    slots = [_fill(slot, language) for slot in template()]
    for kind, named in victims().items():
        if language in named:
            slots.append(_victim(kind, named[language], language))
    return Checked(language, tuple(slots))


@cache
def template() -> tuple[Slot, ...]:
    """Return the template's slots."""
    return tuple(
        Slot(**(row | {"parts": tuple(tuple(part) for part in row["parts"])}))
        for row in tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))["slot"]
    )


@cache
def victims() -> dict[str, dict[str, str]]:
    """Return what kinds of victim are called, by kind and language."""
    stored: dict[str, dict[str, str]] = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))["victims"]
    return stored


def _fill(slot: Slot, language: str) -> Filled:
    words = _words(language)
    empty = [part for part in slot.parts if not any(words.get(concept) for concept in part)]
    if empty:
        missing = ", ".join(" or ".join(f"`{concept}`" for concept in part) for part in empty)
        return Filled(slot.group, slot.says, False, f"no terms of {missing}")
    if slot.at_least:
        return _enough(slot, words)
    for sentence in _sentences(slot.parts, words):
        weighed = study(Article("template", "", sentence, language))[2]
        for one in weighed:
            if one.found.signal.value == (slot.signal or slot.aside) and one.used == bool(slot.signal):
                return Filled(slot.group, slot.says, True, sentence)
    tried = next(_sentences(slot.parts, words))
    wanted = f"says “{slot.signal}”" if slot.signal else f"sets “{slot.aside}” aside"
    return Filled(slot.group, slot.says, False, f"no sentence of its terms {wanted}: tried “{tried}” and others")


def _enough(slot: Slot, words: dict[str, list[str]]) -> Filled:
    few = []
    for part in slot.parts:
        count = sum(len(words.get(concept, ())) for concept in part)
        if count < slot.at_least:
            few.append(f"{' or '.join(f'`{concept}`' for concept in part)} has {count} of {slot.at_least} terms")
    return Filled(slot.group, slot.says, not few, "; ".join(few) or "enough terms")


def _victim(kind: str, named: str, language: str) -> Filled:
    unread = [name for name in (one.strip() for one in named.split(",")) if not _is_victim(name, language)]
    why = "not read as a victim: " + ", ".join(unread) if unread else named
    return Filled("victim", kind, not unread, why)


def _is_victim(name: str, language: str) -> bool:
    reading = read(Article("template", "", f"{name}.", language))
    return any(hit.concept in _VICTIM for sentence in reading.sentences for hit in sentence.hits)


def _words(language: str) -> dict[str, list[str]]:
    """Return a language's terms by concept, the world's last: short ones make the plainest sentences."""
    found: dict[str, list[str]] = {}
    for code in (language, WORLD):
        for term in terms(code):
            text = term.text.upper() if term.capitals else term.text
            found.setdefault(term.concept, []).append(text)
    return {
        concept: sorted(dict.fromkeys(texts), key=lambda text: (len(text) < 4, len(text)))
        for concept, texts in found.items()
    }


def _sentences(parts: Sequence[Sequence[str]], words: dict[str, list[str]]) -> Iterator[str]:
    """Yield sentences of some terms of each part, in the order given and in others."""
    choices = [_some(part, words) for part in parts]
    orders = list(permutations(range(len(parts))))
    made = (_joined([chosen[place] for place in order]) for chosen in product(*choices) for order in orders)
    return islice(made, _TRIED * len(orders))


def _some(part: Iterable[str], words: dict[str, list[str]]) -> list[str]:
    return [text for concept in part for text in words.get(concept, ())[:_TERMS_TRIED]]


def _joined(texts: list[str]) -> str:
    sentence = ""
    for text in texts:
        sentence += text if not sentence or unspaced(text) else f" {text}"
    return f"{sentence}."
