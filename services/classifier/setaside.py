"""Set aside what is not stated as fact about this victim: negated, hypothetical, or told of another attack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.classifier.grammar import Found
from services.classifier.reading import Reading, Sentence
from services.classifier.victims.choose import Cast
from shared.gate.scan import Hit, unspaced
from shared.signals import MEANINGS, Axis, Signal

_BEFORE = {"negation": 45, "hypothetical": 90}
_AFTER = {"negation": 25, "hypothetical": 45}
# "Data may have been stolen" is how a theft is disclosed; what may have happened counts as suspected there.
_HYPOTHETICAL_COUNTS = frozenset({Signal.DATA_STOLEN, Signal.ATTACK, Signal.OUTAGE, Signal.ATTACKER_CLAIM})
# "Not a cyberattack"; but "no emergency admissions after a cyberattack" and "sin urgencias por un ciberataque" are one.
_ATTACK_REACH = (20, 15)
_BETWEEN_AN_ATTACK_AND_ITS_NEGATION = 2
# A website "after a flood of requests not reachable" is flooded, as one attacked is attacked.
_EVENTS = frozenset({Signal.ATTACK, Signal.WEBSITE_FLOODED})
_NAMES_A_CAUSE = frozenset(
    "after following by due from over amid nach durch wegen seit bei après par suite depuis dès tras por debido luego "
    "desde dopo per da dal dall após depois na door sinds efter po kvůli pro przez z jälkeen takia vuoksi "
    "через после після из після след заради după nakon zbog zaradi pre kvôli μετά λόγω εξαιτίας després pärast dėl "
    "pēc vì sau setelah akibat karena".split()
)
_WITHOUT = frozenset("sin sans ohne zonder without senza sem bez uten uden utan ilman fără".split())
_LEAST_DENIAL = 7
# A part of the systems is not "the whole network": how far such a word may stand from them.
_PARTLY_NEAR = 30
_WHOLE_NEAR = 30
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
    weighed = [_weigh(one, reading, zones) for one in found]
    return _systems_alone(_death_in_doubt(weighed), reading)


def _weigh(one: Found, reading: Reading, zones: dict[int, str]) -> Weighed:
    if one.sentence.index in zones:
        return Weighed(one, False, zones[one.sentence.index])
    first, last = reading.clause(one.sentence, one.start, one.end)
    cue = _cue("negation", one, first, last, reading)
    if cue and one.signal not in _NEGATION_WITHIN:
        return Weighed(one, False, f"negated: “{reading.quote(cue.start, cue.end)}”")
    cue = _cue("hypothetical", one, first, last, reading)
    if cue and one.signal not in _HYPOTHETICAL_COUNTS:
        return Weighed(one, False, f"hypothetical: “{reading.quote(cue.start, cue.end)}”")
    if one.signal is Signal.DEATH and (doubt := next(iter(one.sentence.of("unproven")), None)):
        return Weighed(one, False, f"looked into, not stated: “{reading.quote(doubt.start, doubt.end)}”")
    if one.signal is Signal.NETWORK_DOWN and (part := _near(one, "partly", first, last, _PARTLY_NEAR)):
        return Weighed(one, False, f"only a part of the systems: “{reading.quote(part.start, part.end)}”")
    return Weighed(one, True, "stated as fact about the victim")


def _near(one: Found, concept: str, first: int, last: int, distance: int) -> Hit | None:
    """Return a term of a concept near a signal, within its clause."""
    first, last = max(first, one.start - distance), min(last, one.end + distance)
    return next((hit for hit in one.sentence.of(concept) if first <= hit.start and hit.end <= last), None)


def _death_in_doubt(weighed: list[Weighed]) -> list[Weighed]:
    """Set a headline's death aside where the article itself denies the link, or says that it is looked into.

    A sentence in which the victim or an authority states it stands against the doubt.
    """
    doubted = [w for w in weighed if w.found.signal is Signal.DEATH and w.why.startswith(("negated", "looked into"))]
    if not doubted:
        return weighed
    return [
        Weighed(w.found, False, f"in doubt elsewhere in the article ({doubted[0].why})")
        if w.used and w.found.signal is Signal.DEATH and not w.found.sentence.has("confirmed", "authority")
        else w
        for w in weighed
    ]


def _systems_alone(weighed: list[Weighed], reading: Reading) -> list[Weighed]:
    """Set systems that are down aside where care is said to go on and nothing else of care is told.

    The whole network down counts whatever is said of its effects.
    """
    if not any(w.used and w.found.signal is Signal.NO_EFFECT for w in weighed):
        return weighed
    hit = {w.found.signal for w in weighed if w.used and MEANINGS[w.found.signal].axis is Axis.CARE}
    if hit != {Signal.NETWORK_DOWN}:
        return weighed
    down = [w for w in weighed if w.used and w.found.signal is Signal.NETWORK_DOWN]
    if any(
        _near(w.found, "whole", *reading.clause(w.found.sentence, w.found.start, w.found.end), _WHOLE_NEAR)
        for w in down
    ):
        return weighed
    return [
        Weighed(w.found, False, "systems are down, but care is said to go on unaffected") if w in down else w
        for w in weighed
    ]


def _cue(concept: str, one: Found, first: int, last: int, reading: Reading) -> Hit | None:
    """Return the cue that governs a signal: in its clause, near it, and not one of its own words."""
    before, after = _reach(concept, one, reading)
    for hit in one.sentence.of(concept):
        if not (max(first, one.start - before) <= hit.start and hit.end <= min(last, one.end + after)):
            continue
        if any(term.start <= hit.start and hit.end <= term.end for term in one.terms):
            continue
        if concept == "negation" and one.signal in _EVENTS and not _denies(hit, one, reading):
            continue
        return hit
    return None


def _denies(cue: Hit, attack: Found, reading: Reading) -> bool:
    """Say whether a negation beside an attack is of the attack: "not a cyberattack", "a cyberattack is ruled out"."""
    if unspaced(reading.quote(attack.start, attack.end)):
        # Japanese negates behind, Chinese before: "遭攻击后无法…" is an attack after which something cannot be done.
        return cue.start < attack.end or reading.language == "ja"
    if cue.start >= attack.end:
        return cue.end - cue.start >= _LEAST_DENIAL
    start = attack.terms[0].start
    if cue.end > start:
        return False
    between = re.findall(r"\w+", reading.lowered[cue.end : start])
    if reading.lowered[cue.start : cue.end] in _WITHOUT and between:
        return False
    return len(between) <= _BETWEEN_AN_ATTACK_AND_ITS_NEGATION and _NAMES_A_CAUSE.isdisjoint(between)


def _reach(concept: str, one: Found, reading: Reading) -> tuple[int, int]:
    """Return how far before and behind a signal a cue may stand: an attack itself is negated only close by."""
    before, after = _BEFORE[concept], _AFTER[concept]
    if concept == "negation" and one.signal in _EVENTS:
        before, after = _ATTACK_REACH
    if unspaced(reading.quote(one.start, one.end)):
        # Japanese negates at the end of its clause.
        return before // 3, after if concept == "negation" and reading.language == "ja" else after // 2
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
