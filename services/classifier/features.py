"""Describe an article to the verdict: what its title and lead speak of, and what stands beside what.

Every feature is a fact about words that can be quoted; their weights are fitted (`codegrey evaluate --fit`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.classifier.nearness import between, closest
from services.classifier.reading import Reading, Sentence
from services.classifier.setaside import Weighed
from services.classifier.trades import EVENT, care_spared, is_hit_with_others, outside_names
from services.classifier.victims.choose import Cast
from shared.gate.scan import Hit, unspaced
from shared.signals import MEANINGS, Axis, Signal

STRONG_EVENT = ("cyber", "breach")
CARE = ("care", "provider", "supplier")
FRAMES = (
    "lawsuit", "penalty", "law_firm", "arrest", "sentence", "statistics", "advice", "policy", "drill", "product",
    "insurer", "pharma", "other_sector", "physical", "not_computer", "metaphor", "vulnerability", "exposure",
    "insider", "harmless", "anniversary", "fiction", "campaign", "mask", "retold", "hypothetical", "negation",
    "question",
)  # fmt: skip
TELLING = (
    "darknet",
    "cyber", "breach", "hacked", "hacker", "gang", "outage", "victim_of", "care", "provider", "supplier", "health",
    "vendor_word", "confirmed", "ransom", "claim", "stolen", "published", "data", "down", "systems", "ongoing",
    "suspected", "authority", "blocked", "patients", "disturbed", "disrupted", "spared", "restored", "paper",
)  # fmt: skip
# Parts of care, which tell whose news it is where no provider is named: "emergency room on bypass". Not operations,
# bookings and laboratories, which others have, too.
PARTS = ("emergency", "ambulance", "vital", "radiotherapy", "blood")
# What an item is about when it is not the news of an attack.
TALK = (
    "lawsuit", "penalty", "law_firm", "arrest", "sentence", "statistics", "advice", "policy", "drill", "product",
    "insurer", "pharma", "other_sector", "physical", "not_computer", "metaphor", "vulnerability", "exposure",
    "insider", "harmless", "anniversary", "fiction", "campaign", "mask", "question",
)  # fmt: skip
_MANY_FRAMES = 3
_LEAD = 320
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# "A simulated cyberattack", "two years after the attack": the event itself is told as such.
_APART_REACH = 30
_APART_REACH_UNSPACED = 8
Features = dict[str, str]


def features_of(reading: Reading, weighed: Iterable[Weighed], cast: Cast) -> Features:
    """Return the features that hold for an article, each with the words that show it."""
    found: Features = {}
    names = [(m.start, m.end) for m in (*cast.victims, *cast.others) if m.specific]
    sentences = [outside_names(sentence, names, reading) for sentence in reading.sentences]
    title = [s for s in sentences if s.title]
    edge = reading.title_length + _LEAD
    lead = [s for s in sentences if not s.title and s.start < edge][:3]
    body = [s for s in sentences if not s.title and s not in lead]
    # An item is judged by its head: its title, or its first sentence where it has none.
    head = title or lead[:1]
    _tell(found, "head", head, reading, (*TELLING, *FRAMES))
    _tell(found, "lead", lead, reading, (*TELLING, *FRAMES))
    _tell(found, "body", body, reading, (*EVENT, "care", "outage", *FRAMES))
    if head and reading.quote(head[0].start, head[0].end).rstrip(' \n"”»」').endswith(("?", "？", ";", "؟")):
        found["head:ends_in_a_question"] = "?"
    _apart(found, "drill", (*head, *lead[:2]), reading)
    _apart(found, "anniversary", head, reading)
    _links(found, "head", head, reading)
    _links(found, "lead", lead, reading)
    _links(found, "any", sentences, reading)
    spared = care_spared(head, reading)
    if spared is not None:
        found["told:care_spared"] = spared
    _clear_cut(found, among_others=is_hit_with_others(head, reading))
    _cast(found, cast)
    _signals(found, weighed, reading)
    if not body and not lead:
        found["shape:title_only"] = ""
    if not title:
        found["shape:no_title"] = ""
    found["bias"] = ""
    return found


def _tell(found: Features, zone: str, sentences: list[Sentence], reading: Reading, concepts: tuple[str, ...]) -> None:
    first: dict[str, Hit] = {}
    for sentence in sentences:
        for hit in sentence.hits:
            first.setdefault(hit.concept, hit)
    for concept in concepts:
        if concept in first:
            found[f"{zone}:{concept}"] = reading.quote(first[concept].start, first[concept].end)
    if zone != "body" and any(part in first for part in PARTS):
        part = next(first[part] for part in PARTS if part in first)
        found[f"{zone}:part_of_care"] = reading.quote(part.start, part.end)
    if zone == "head" and not any(c in first for c in CARE):
        found["head:no_care"] = ""
    if zone == "head" and not any(c in first for c in EVENT):
        found["head:no_event"] = ""
    if zone == "head" and "care" in first and _YEAR.search(" ".join(reading.quote(s.start, s.end) for s in sentences)):
        found["head:year"] = ""


def _apart(found: Features, concept: str, sentences: Iterable[Sentence], reading: Reading) -> None:
    """Say where the event itself is told as a drill, or as years past."""
    for sentence in sentences:
        for cue in sentence.of(concept):
            near = _APART_REACH_UNSPACED if unspaced(reading.quote(cue.start, cue.end)) else _APART_REACH
            for event in sentence.of(*EVENT):
                if between(cue, event) <= near:
                    found.setdefault(f"told:{concept}", _span(reading, cue, event))


def _links(found: Features, zone: str, sentences: Iterable[Sentence], reading: Reading) -> None:
    """Say where the event and care stand in one sentence, how near, and what stands between."""
    for sentence in sentences:
        events, cares = sentence.of(*EVENT), sentence.of(*CARE)
        if not cares and events and sentence.has("health", "patients"):
            found.setdefault(f"{zone}:event+health", _span(reading, events[0], sentence.of("health", "patients")[0]))
        if not (events and cares) or sentence.has("retold"):
            continue
        event, care = closest(events, cares)
        span = _span(reading, event, care)
        found.setdefault(f"{zone}:event+care", span)
        if event.concept in STRONG_EVENT:
            found.setdefault(f"{zone}:strong_event+care", span)
        if sentence.has("victim_of"):
            found.setdefault(f"{zone}:event+care+victim_of", span)
        if between(event, care) < 40:
            found.setdefault(f"{zone}:event~care", span)
        if sentence.has("other_sector"):
            found.setdefault(f"{zone}:event+care+other_sector", span)
        if sentence.has("hypothetical", "advice", "statistics", "policy"):
            found.setdefault(f"{zone}:event+care+talk", span)


def _clear_cut(found: Features, *, among_others: bool) -> None:
    """Say whether the head tells of an attack on care and of nothing else, or of several other things.

    Other victims of the same attack are no other thing.
    """
    ours = {"other_sector"} if among_others else set[str]()
    talk = sorted({frame for frame in (*TALK, "ends_in_a_question") if f"head:{frame}" in found} - ours)
    more = sorted({frame for frame in TALK if f"lead:{frame}" in found})
    for zone in ("head", "lead"):
        link = found.get(f"{zone}:event+care")
        if link is not None and not talk:
            found[f"{zone}:attack_and_nothing_else"] = link
            if not more:
                found[f"{zone}:attack_and_nothing_else_in_the_lead"] = link
    if talk and "head:event+care" in found:
        found["head:attack_among_other_things"] = ", ".join(talk)
    if len({*talk, *more}) >= _MANY_FRAMES:
        found["frames:many"] = ", ".join(sorted({*talk, *more}))


def _cast(found: Features, cast: Cast) -> None:
    if not cast.victims:
        found["victim:none"] = ""
        return
    main = cast.victims[0]
    if main.specific:
        found["victim:named"] = main.name
    if main.listed:
        found["victim:listed"] = main.name
    if main.sentence.title:
        found["victim:in_title"] = main.name
    if main.specific and main.sentence.has(*EVENT):
        found["victim:named_beside_event"] = main.name
        if "head:attack_and_nothing_else" in found:
            found["victim:named_and_nothing_else"] = main.name
    if not main.specific:
        found["victim:unnamed"] = main.name
    if len({m.name.lower() for m in cast.others if m.specific}) >= 3:
        found["victim:many_others"] = ", ".join(m.name for m in cast.others[:3])


def _signals(found: Features, weighed: Iterable[Weighed], reading: Reading) -> None:
    care: set[Signal] = set()
    weighed = list(weighed)
    attacks = [one for one in weighed if one.found.signal is Signal.ATTACK]
    if attacks and all(not one.used and one.why.startswith("negated") for one in attacks):
        found["attack:all_negated"] = reading.quote(attacks[0].found.start, attacks[0].found.end)
    for one in weighed:
        signal = one.found.signal
        if not one.used:
            if signal is Signal.ATTACK and one.found.sentence.index < 2:
                found.setdefault("signal:attack_set_aside", one.why)
            continue
        found.setdefault(f"signal:{signal.value}", reading.quote(one.found.start, one.found.end))
        if MEANINGS[signal].axis is Axis.CARE:
            care.add(signal)
    if care:
        found["signal:care"] = ", ".join(sorted(care))
    if len(care) >= 3:
        found["signal:care_3"] = ", ".join(sorted(care))


def _span(reading: Reading, one: Hit, other: Hit) -> str:
    return reading.quote(min(one.start, other.start), max(one.end, other.end))[:160]
