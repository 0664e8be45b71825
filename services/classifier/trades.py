"""Tell words of other trades that are about care's own house from those that are about another victim.

"County hospital" and "blood bank" are no county and no bank; "city, school and hospital hit" tells of three victims;
"council hacked, hospital unaffected" tells of one, and that is not the hospital.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.classifier.reading import Reading, Sentence
from shared.gate.scan import Hit, unspaced

EVENT = ("cyber", "breach", "hacked", "hacker", "gang", "darknet")
# What a provider's own name may hold: "University of X Cancer Center". A "vet clinic" stays one.
_IN_NAMES = frozenset({"other_sector", "policy", "statistics", "sentence", "product", "campaign", "insurer", "advice"})
# "Pathology firm": what kind of firm stands before it.
_FIRM = frozenset({"firm", "company", "giant", "software company", "firma", "logistics"})
# Where the word that says whose or what kind follows: "hospital municipal", "szpital powiatowy".
_KIND_FOLLOWS = frozenset("fr es it pt ca ro pl vi id th".split())
# "Warns patients" is how a theft is disclosed, no advice.
_TOLD_SO = ("breach", "stolen", "published", "hacked", "cyber")
_WORDS_MORE = 2
_JOINED = re.compile(
    r"\s*(?:[,/&、，和及と]|(?:and|und|et|y|e|en|og|och|ja|i|oraz|a|ve|și|és|и|та|και)\b)(?:\s*(?:and|und|et|y|e|en)\b)?"
)


def outside_names(sentence: Sentence, names: list[tuple[int, int]], reading: Reading) -> Sentence:
    """Leave out what names and kinds of care hold of other trades, and what says that patients are warned of a theft.

    A provider that is named by "Health" alone ("Ascentia Health") is a word for care.
    """
    cares = [hit for hit in sentence.hits if hit.concept in {"care", "health"}]
    if not cares:
        return sentence
    houses = [hit for hit in cares if hit.concept == "care"]
    told_of = sentence.of("data")
    cared = [(c.start, c.end) for c in sentence.hits if c.concept in {"care", "product"}]
    told_so = sentence.of("victim_of") if sentence.has(*_TOLD_SO) else []
    kept: list[Hit] = []
    for hit in sentence.hits:
        named = next((name for name in names if name[0] <= hit.start and hit.end <= name[1]), None)
        if named and hit.concept != "other_sector" and unspaced(reading.quote(*named)):
            # Without spaces a name's beginning is a guess: "專家提醒醫院".
            named = None
        if hit.concept in _IN_NAMES and (named or _is_firm_of_care(hit, cares, reading)):
            if hit.concept != "insurer" or (named and any(named[0] <= c.start and c.end <= named[1] for c in houses)):
                continue
        elif (hit.concept == "other_sector" and _says_what_kind(hit, houses, told_of, reading)) or (
            hit.concept == "advice" and any(told.start <= hit.start and hit.end <= told.end for told in told_so)
        ):
            continue
        kept.append(hit)
        if hit.concept == "health" and named and not any(named[0] <= a and b <= named[1] for a, b in cared):
            kept.append(hit._replace(concept="care"))
    return replace(sentence, hits=tuple(kept))


def care_spared(sentences: Iterable[Sentence], reading: Reading) -> str | None:
    """Return the words by which another's attack leaves care alone: "council hacked, hospital unaffected"."""
    another, spared = False, None
    for sentence in sentences:
        calm = sentence.of("spared", "no_effect")
        for event in sentence.of(*EVENT):
            first, last = reading.clause(sentence, event.start, event.end)
            if any(_within(care, first, last) for care in sentence.of("care", "provider")):
                return None
            another = another or any(_within(hit, first, last) for hit in sentence.of("other_sector"))
        for care in sentence.of("care", "provider"):
            first, last = reading.clause(sentence, care.start, care.end)
            quiet = next((hit for hit in calm if hit.end > first and hit.start < last), None)
            if quiet is None:
                return None
            spared = reading.quote(min(care.start, quiet.start), max(care.end, quiet.end))
    return spared if another else None


def is_hit_with_others(sentences: Iterable[Sentence], reading: Reading) -> bool:
    """Say whether one house of care stands in a row with other victims: "city, school district and hospital hit"."""
    for sentence in sentences:
        if not sentence.has("victim_of", "hacked") or sentence.has("spared", "negation"):
            continue
        several = sentence.of("sites_word")
        for care in sentence.of("care"):
            if any(care.start < many.end and many.start < care.end for many in several):
                continue
            if any(_joined(care, other, reading) for other in sentence.of("other_sector")):
                return True
    return False


def _joined(one: Hit, other: Hit, reading: Reading) -> bool:
    """Say whether two stand in a row: "and" or a comma follows the first at once, with two words more at most."""
    between = reading.lowered[min(one.end, other.end) : max(one.start, other.start)]
    joint = _JOINED.match(between)
    return joint is not None and len(between[joint.end() :].split()) <= _WORDS_MORE


def _says_what_kind(hit: Hit, houses: Sequence[Hit], data: Sequence[Hit], reading: Reading) -> bool:
    """Say whether a word of another trade only says of what kind a house is, or data: "blood bank", "bank details"."""
    if any(one.start <= hit.start and hit.end <= one.end for one in data):
        return True
    for house in houses:
        if house.start <= hit.start and hit.end <= house.end:
            return True
        if 0 <= house.start - hit.end <= 1 and reading.language not in _KIND_FOLLOWS:
            return True
        if 0 <= hit.start - house.end <= 1 and reading.language in _KIND_FOLLOWS:
            return True
    return False


def _is_firm_of_care(hit: Hit, cares: list[Hit], reading: Reading) -> bool:
    beside = any(0 < hit.start - care.end <= 1 for care in cares)
    return beside and reading.quote(hit.start, hit.end).lower() in _FIRM


def _within(hit: Hit, first: int, last: int) -> bool:
    return first <= hit.start and hit.end <= last
