"""Combine terms into signals: which concepts, standing near each other, say what.

One table for all languages: a language's file gives the words, this file the sense. The distance is in
characters between the two terms; scripts without spaces need a third of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.classifier.nearness import Row
from services.classifier.reading import Reading, Sentence
from shared.gate.scan import Hit, unspaced
from shared.signals import Signal

_BESIDE = 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """Say that a term of one of `what` near a term of one of `state` (where given) is the signal.

    A term of one of `unless` between or close beside them makes it none: "shut down hospitals' websites". So does
    one of `rather` that stands nearer to the state: "hospital: emergency department closed" closes no hospital, and
    one of `apart` between the two: "DaVita said a ransomware attack encrypted", "encrypted and stole records".
    Where `beside` is given, the sentence must hold one of these: hotels have bookings that are disrupted, too.
    """

    signal: Signal
    what: tuple[str, ...]
    state: tuple[str, ...] = ()
    within: int = 60
    unless: tuple[str, ...] = ()
    rather: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


_PARTS = ("emergency", "ambulance", "surgery", "appointment", "vital", "lab", "imaging", "radiotherapy", "blood")

PATTERNS = (
    Pattern(Signal.DEATH, ("death",), ("attributed",), 120),
    Pattern(Signal.EMERGENCY_CLOSED, ("emergency",), ("closed", "suspended"), 60),
    Pattern(Signal.EMERGENCY_CLOSED, ("emergency",), ("lacking",), 6),
    Pattern(Signal.EMERGENCY_CLOSED, ("emergency_closed",)),
    Pattern(Signal.AMBULANCES_DIVERTED, ("ambulance", "emergency"), ("diverted",), 60),
    Pattern(Signal.AMBULANCES_DIVERTED, ("ambulances_diverted",)),
    Pattern(Signal.AMBULANCES_DIVERTED, ("patients",), ("diverted",), 25, ("website", "office")),
    Pattern(Signal.PATIENTS_TRANSFERRED, ("patients", "vital"), ("transferred",), 50),
    Pattern(
        Signal.HOSPITAL_CLOSED,
        ("care",),
        ("closed",),
        25,
        ("website", "systems", "data", "records", "office"),
        _PARTS,
    ),
    Pattern(Signal.HOSPITAL_CLOSED, ("hospital_closed",)),
    Pattern(Signal.ACTIVITY_SUSPENDED, ("activity",), ("suspended",), 30),
    Pattern(Signal.DISPATCH_DOWN, ("dispatch",), ("down", "suspended", "disturbed", "disrupted"), 45),
    Pattern(Signal.DISPATCH_DOWN, ("dispatch",), ("lacking",), 25),
    Pattern(Signal.CRISIS_PLAN, ("crisis_plan",)),
    Pattern(Signal.BLOOD_STOPPED, ("blood",), ("suspended", "diverted", "cancelled"), 45),
    Pattern(Signal.LABORATORY_STOPPED, ("lab",), ("suspended", "diverted"), 40),
    Pattern(
        Signal.RADIOTHERAPY_STOPPED, ("radiotherapy",), ("suspended", "diverted", "cancelled", "down", "disrupted"), 70
    ),
    Pattern(Signal.VITAL_CARE_STOPPED, ("vital",), ("suspended", "diverted", "cancelled", "closed"), 45),
    Pattern(Signal.PAPER_MODE, ("paper",)),
    Pattern(Signal.SURGERY_CANCELLED, ("surgery",), ("cancelled", "suspended"), 50),
    Pattern(Signal.APPOINTMENTS_CANCELLED, ("appointment",), ("cancelled", "suspended"), 50),
    Pattern(Signal.RECORDS_DOWN, ("records",), ("down",), 40, apart=("stolen",)),
    Pattern(Signal.RECORDS_DOWN, ("records",), ("lacking",), 12),
    Pattern(Signal.LABORATORY_SYSTEMS_DOWN, ("lab",), ("down",), 30),
    Pattern(Signal.IMAGING_DOWN, ("imaging",), ("down",), 30),
    Pattern(Signal.NETWORK_DOWN, ("systems",), ("down",), 45),
    Pattern(Signal.NETWORK_DOWN, ("systems",), ("lacking",), 5),
    Pattern(Signal.NETWORK_DOWN, ("network_down",)),
    # "18 hospitals go offline", "a clinic paralysed": its systems, since nothing else of it goes offline.
    Pattern(
        Signal.NETWORK_DOWN,
        ("care", "provider"),
        ("down",),
        30,
        ("website", "data", "office"),
        apart=("cyber", "hacker", "systems"),
    ),
    Pattern(Signal.MEDICINES_BLOCKED, ("medicines",), ("down", "suspended", "paper", "cancelled"), 40),
    Pattern(Signal.MEDICINES_BLOCKED, ("medicines_blocked",)),
    Pattern(
        Signal.CARE_DISRUPTED,
        ("care", "provider", "activity"),
        ("disrupted",),
        30,
        ("website", "data", "office"),
        apart=("cyber", "hacker", "systems"),
    ),
    Pattern(
        Signal.CARE_DISRUPTED, ("activity",), ("down",), 30, ("website", "data", "office"), apart=("cyber", "systems")
    ),
    Pattern(
        Signal.CARE_DISRUPTED,
        ("emergency", "appointment", "surgery", "lab", "imaging", "radiotherapy", "medicines"),
        ("disrupted",),
        35,
        ("office",),
        apart=("cyber", "hacker", "systems"),
        beside=("care", "provider", "patients", "health"),
    ),
    Pattern(Signal.CRISIS_TEAM, ("crisis_team",)),
    Pattern(Signal.DATA_PUBLISHED, ("data",), ("published",), 40),
    Pattern(Signal.OFFICE_SYSTEMS_HIT, ("office",), ("down", "suspended"), 35),
    Pattern(Signal.DATA_STOLEN, ("data",), ("stolen",), 60),
    Pattern(Signal.DATA_STOLEN, ("breach",)),
    Pattern(Signal.RANSOM_DEMANDED, ("ransom",)),
    Pattern(Signal.SAMPLES_SEEN, ("samples",), ("data", "claim", "published"), 80),
    Pattern(Signal.BLOCKED, ("blocked",), ("cyber", "hacked", "hacker", "victim_of"), 60),
    Pattern(Signal.CONTAINED, ("contained",), ("cyber", "systems", "victim_of"), 60),
    Pattern(Signal.NO_EFFECT, ("no_effect",)),
    Pattern(Signal.WEBSITE_FLOODED, ("flood",)),
    Pattern(Signal.WEBSITE_FLOODED, ("website",), ("down",), 25, ("systems", "records", "data", "medicines")),
    Pattern(Signal.WEBSITE_DEFACED, ("deface",)),
    Pattern(Signal.ATTACKER_CLAIM, ("claim",), ("gang", "hacker", "cyber", "hacked", "breach", "data", "darknet"), 120),
    Pattern(Signal.ATTACKER_CLAIM, ("claim_attack",)),
    Pattern(Signal.RESTORED, ("restored",)),
    Pattern(Signal.ATTACK, ("cyber",)),
    Pattern(Signal.ATTACK, ("hacked",), ("care", "provider", "supplier", "systems", "data", "website", "digital"), 60),
    Pattern(Signal.ATTACK, ("hacker", "gang"), ("care", "provider", "supplier", "systems", "data", "victim_of"), 60),
    Pattern(Signal.ATTACK, ("breach",)),
    Pattern(Signal.OUTAGE, ("outage",)),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Hold a signal found in a sentence, with the terms that make it."""

    signal: Signal
    start: int
    end: int
    sentence: Sentence
    terms: tuple[Hit, ...]


def find_signals(reading: Reading) -> list[Found]:
    """Return every signal that the words show, by place; nothing is judged yet."""
    found: list[Found] = []
    for sentence in reading.sentences:
        if not sentence.hits:
            continue
        seen: set[tuple[Signal, int, int]] = set()
        for pattern in _patterns_of(sentence.concepts):
            for one in _match(pattern, sentence, reading):
                if (one.signal, one.start, one.end) not in seen:
                    seen.add((one.signal, one.start, one.end))
                    found.append(one)
    return _one_each(found)


@lru_cache(maxsize=8192)
def _patterns_of(present: frozenset[str]) -> tuple[Pattern, ...]:
    """Return the patterns of which the concepts that a sentence holds may make a signal, in the table's order."""
    return tuple(
        pattern
        for pattern in PATTERNS
        if not present.isdisjoint(pattern.what)
        and not (pattern.state and present.isdisjoint(pattern.state))
        and not (pattern.beside and present.isdisjoint(pattern.beside))
    )


def _match(pattern: Pattern, sentence: Sentence, reading: Reading) -> Iterator[Found]:
    states = Row([s for s in sentence.of(*pattern.state) if not _within_longer(s, "victim_of", sentence)])
    for what in sentence.of(*pattern.what):
        if what.concept == "vital" and _names_a_house(what, sentence):
            continue
        if what.concept == "activity" and _within_longer(what, "appointment", sentence):
            continue
        if not pattern.state:
            yield Found(pattern.signal, what.start, what.end, sentence, (what,))
            continue
        reach = _reach(pattern, what, reading)
        near = [state for state in states.around(what, reach) if _gap(what, state) <= reach]
        if near:
            state = min(near, key=lambda s: _gap(what, s))
            if any(_gap(part, state) < _gap(what, state) for part in sentence.of(*pattern.rather)):
                continue
            first, last = min(what.start, state.start), max(what.end, state.end)
            if any(first - _BESIDE <= hit.start <= last + _BESIDE for hit in sentence.of(*pattern.unless)):
                continue
            if any(_lies_between(hit, what, state) for hit in sentence.of(*pattern.apart)):
                continue
            yield Found(pattern.signal, first, last, sentence, (what, state))


def _lies_between(hit: Hit, one: Hit, other: Hit) -> bool:
    return min(one.end, other.end) <= hit.start and hit.end <= max(one.start, other.start)


def _within_longer(hit: Hit, concept: str, sentence: Sentence) -> bool:
    """Say whether a term is part of a longer one of another sense: "utsatt for" is no "utsatt" (postponed)."""
    return any(
        o.start <= hit.start and hit.end <= o.end and o.end - o.start > hit.end - hit.start
        for o in sentence.of(concept)
    )


def _names_a_house(vital: Hit, sentence: Sentence) -> bool:
    """Say whether a word for vital care only names a house: a "maternity hospital" cancels visits, not births."""
    return any(
        (care.start <= vital.start and vital.end < care.end) or 0 <= care.start - vital.end <= 1
        for care in sentence.of("care")
    )


def _gap(one: Hit, other: Hit) -> int:
    """Return the characters between two terms; the same word is no pair."""
    if one.start < other.end and other.start < one.end:
        return 10_000
    return other.start - one.end if one.start < other.start else one.start - other.end


def _reach(pattern: Pattern, hit: Hit, reading: Reading) -> int:
    return pattern.within // 3 + 4 if unspaced(reading.document[hit.start : hit.end]) else pattern.within


def _one_each(found: list[Found]) -> list[Found]:
    """Keep the tightest span of each signal in a sentence."""
    best: dict[tuple[Signal, int], Found] = {}
    for one in found:
        key = (one.signal, one.sentence.index)
        kept = best.get(key)
        if kept is None or (one.end - one.start, one.start) < (kept.end - kept.start, kept.start):
            best[key] = one
    return sorted(best.values(), key=lambda one: (one.start, one.end, one.signal))
