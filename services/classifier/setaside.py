"""Set aside what is not stated as fact about this victim: negated, hypothetical, or told of another attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.classifier.grammar import Found
from services.classifier.reading import Reading, Sentence
from services.classifier.victim import Cast
from shared.gate.scan import Hit, unspaced
from shared.signals import Signal

_BEFORE = {"negation": 45, "hypothetical": 90}
_AFTER = {"negation": 25, "hypothetical": 45}
# "Data may have been stolen" is how a theft is disclosed; what may have happened counts as suspected there.
_HYPOTHETICAL_COUNTS = frozenset({Signal.DATA_STOLEN, Signal.ATTACK, Signal.OUTAGE, Signal.ATTACKER_CLAIM})
# "Not a cyberattack"; but "no emergency admissions after a cyberattack" tells of one.
_ATTACK_REACH = (20, 15)
# These hold a negation themselves.
_NEGATION_WITHIN = frozenset({Signal.NO_EFFECT, Signal.BLOCKED})


@dataclass(frozen=True, slots=True)
class Weighed:
    """Hold a signal with the verdict whether it counts, and why."""

    found: Found
    used: bool
    why: str


def weigh(found: Sequence[Found], reading: Reading, cast: Cast) -> list[Weighed]:
    """Return every signal with its verdict; nothing is dropped, so that "why not?" has an answer."""
    zones = _retold(reading, cast)
    return [_weigh(one, reading, zones) for one in found]


def _weigh(one: Found, reading: Reading, zones: dict[int, str]) -> Weighed:
    if one.sentence.index in zones:
        return Weighed(one, False, zones[one.sentence.index])
    first, _ = reading.clause(one.sentence, one.start, one.end)
    _, last = reading.clause(one.sentence, one.start, one.end)
    cue = _cue("negation", one, first, last, reading)
    if cue and one.signal not in _NEGATION_WITHIN:
        return Weighed(one, False, f"negated: “{reading.quote(cue.start, cue.end)}”")
    cue = _cue("hypothetical", one, first, last, reading)
    if cue and one.signal not in _HYPOTHETICAL_COUNTS:
        return Weighed(one, False, f"hypothetical: “{reading.quote(cue.start, cue.end)}”")
    return Weighed(one, True, "stated as fact about the victim")


def _cue(concept: str, one: Found, first: int, last: int, reading: Reading) -> Hit | None:
    """Return the cue that governs a signal: in its clause, near it, and not one of its own words."""
    before, after = _reach(concept, one, reading)
    for hit in one.sentence.of(concept):
        if not (max(first, one.start - before) <= hit.start and hit.end <= min(last, one.end + after)):
            continue
        if any(term.start <= hit.start and hit.end <= term.end for term in one.terms):
            continue
        return hit
    return None


def _reach(concept: str, one: Found, reading: Reading) -> tuple[int, int]:
    """Return how far before and behind a signal a cue may stand: an attack itself is negated only close by."""
    before, after = _BEFORE[concept], _AFTER[concept]
    if concept == "negation" and one.signal is Signal.ATTACK:
        before, after = _ATTACK_REACH
    if unspaced(reading.quote(one.start, one.end)):
        return before // 3, after // 2
    return before, after


def _retold(reading: Reading, cast: Cast) -> dict[int, str]:
    """Return the sentences that tell of another attack, with why.

    A sentence is so where it looks back and names another provider, or no one in particular; the sentences
    after it in its paragraph go with it until one names the victim again.
    """
    zones: dict[int, str] = {}
    carried: str | None = None
    for sentence in reading.sentences:
        text = reading.lowered[sentence.start : sentence.end]
        new_paragraph = "\n" in reading.document[max(0, sentence.start - 2) : sentence.start]
        why = None if sentence.title else _looks_back(sentence, reading, cast, text)
        if why is None and carried and not new_paragraph and not cast.names(text):
            why = carried
        carried = why
        if why:
            zones[sentence.index] = why
    return zones


def _looks_back(sentence: Sentence, reading: Reading, cast: Cast, text: str) -> str | None:
    others = [m for m in cast.others if m.sentence.index == sentence.index and m.specific]
    back = next(iter(sentence.of("retold")), None)
    weak = next(iter(sentence.of("already")), None)
    names_victim = bool(cast.own) and cast.names(text)
    if others and (back or weak) and not (names_victim and not back):
        return f"about another victim: {others[0].name}"
    first = sentence.start <= reading.title_length + 2
    if back and not names_victim and not first and sentence.has("cyber", "care", "hacked"):
        return f"told of other attacks: “{reading.quote(back.start, back.end)}”"
    return None
