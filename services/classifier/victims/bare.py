"""Find the name of a victim that says nothing of care: "Dental chain SmileHarbor hacked".

Asked only where no care provider is named. A name is a run of capitalised words in the title (or the first
sentence, where there is none); what stands before and behind it says whether it is who was hit.
"""

from __future__ import annotations

import re

from services.classifier.places.words import is_demonym
from services.classifier.reading import Reading, Sentence
from services.classifier.victims.naming import Mention, stands_for
from services.classifier.victims.no_names import NO_NAME, SHORTEST, is_something_else, named, title_case
from services.classifier.victims.opening import before_the_event, that_speaks
from services.classifier.victims.shapes import (
    AUTHORITIES,
    BEFORE_THE_EVENT,
    CAPITALISED,
    FIRM,
    INNER_CAPITAL,
    INTRODUCES,
    KIND_OF_HOSPITAL,
    NOT_VICTIMS,
    OFFICES,
    QUOTED,
    TELLS,
    UNSPACED_FIRM,
    WITH_INITIALS,
)
from services.classifier.victims.words import TITLE_FILLERS

# "Santélis, prestataire d'hospitalisation"
_APPOSED = re.compile(r"[»”\")]?,? (?:(?:an?|the|une?|l'|ein|eine|een|en|ett|et|il|lo|la|el|o|uma?) )?([\w-]+)")
_LAST_WORD = re.compile(r"([\w-]+) [«“„\"]?$")
_ATTACKS = frozenset(
    {"cyber", "breach", "hacked", "hacker", "assault", "stolen", "data", "flood", "outage", "victim_of"}
)
_LEAST = 2.0
_TWO = 2
_LONGEST = 80


def bare_name(reading: Reading) -> Mention | None:
    """Return the best name in the head of an article, or None where none is plainly the victim's.

    The second sentence is asked where the first names nobody: "Wyoming hospital stops intruders. Sweetgrass …".
    """
    for head in reading.sentences[:2]:
        found = _named_in(reading, head)
        if found is not None:
            return found
    return None


def _named_in(reading: Reading, head: Sentence) -> Mention | None:
    if firm := UNSPACED_FIRM.search(reading.document, head.start, head.end):
        return named(reading, head, *firm.span(firm.lastgroup or 0))
    if told := _told_first(reading, head):
        return told
    if title_case(reading, head):
        return _by_its_shape(reading, head) or (None if head.index else before_the_event(reading, head))
    if head.index:
        return _by_its_shape(reading, head) or that_speaks(reading, head)
    best: tuple[float, int, int] | None = None
    for found in CAPITALISED.finditer(reading.document, head.start, head.end):
        start, end = found.span()
        words = found.group().split()
        introduced = False
        while words and (
            words[0] in TITLE_FILLERS
            or is_demonym(words[0].lower())
            or (len(words) > 1 and FIRM.fullmatch(words[0]) is not None)
        ):
            introduced = introduced or FIRM.fullmatch(words[0]) is not None
            start += len(words[0]) + 1
            words = words[1:]
        while len(words) > _TWO and words[1].islower() and _covers(head, start, start + len(words[0])):
            # "Piratage de Santélis"
            start += len(words[0]) + len(words[1]) + 2
            words = words[2:]
        while len(words) > 1 and _covers(head, end - len(words[-1]), end):
            # "MedNord Opfer von Ransomware"
            end -= len(words[-1]) + 1
            words = words[:-1]
        if (
            not words
            or not SHORTEST <= end - start <= _LONGEST
            or is_something_else(reading, head, start, end, introduced=introduced)
        ):
            continue
        score = _score(reading, head, start, end) + (_LEAST if introduced else 0.0)
        if best is None or score > best[0]:
            best = score, start, end
    if best is None or best[0] < _LEAST:
        return _by_its_shape(reading, head) or before_the_event(reading, head)
    _, start, end = best
    return named(reading, head, start, end)


def _by_its_shape(reading: Reading, head: Sentence) -> Mention | None:
    """Return a name that shows by its letters: "KlinData", "Sweetgrass Memorial", "Utah Imaging Associates (UIA)"."""
    for shape in (WITH_INITIALS, KIND_OF_HOSPITAL, INNER_CAPITAL):
        for found in shape.finditer(reading.document, head.start, head.end):
            name = found["name"]
            first = name.split()[0]
            if shape is WITH_INITIALS and not stands_for(found["initials"], name):
                continue
            if first in TITLE_FILLERS or name.lower() in NOT_VICTIMS or first in OFFICES:
                continue
            start, end = found.span("name")
            if any(h.concept in NO_NAME and h.start < end and start < h.end for h in head.hits):
                continue
            return named(reading, head, start, end)
    return None


def _told_first(reading: Reading, head: Sentence) -> Mention | None:
    """Return the name in quotes that is no word of an attack, or the one that an English headline begins with."""
    for quoted in QUOTED.finditer(reading.document, head.start, head.end):
        name = quoted[1]
        words = name.split()
        # What somebody said, and no name.
        told = len(words) > 2 and (quoted.start() <= head.start + 1 or words[-1][0].islower())
        if (
            (name[0].isupper() or not name[0].isascii())
            and len(words) <= 4
            and not told
            and not any(
                hit.start < quoted.end(1) and quoted.start(1) < hit.end and hit.concept in NO_NAME for hit in head.hits
            )
        ):
            return Mention(name, *quoted.span(1), head, frozenset(word.lower() for word in name.split()))
    first = BEFORE_THE_EVENT.match(reading.document[head.start : head.end]) if "en" in reading.languages[:1] else None
    if first is None:
        return None
    start, end = head.start + first.start("name"), head.start + first.end("name")
    if len(first["name"]) < SHORTEST or first["name"].split()[0] in OFFICES or first["name"] in AUTHORITIES:
        return None
    if is_something_else(reading, head, start, end) or is_demonym(first["name"].split()[0].lower()):
        return None
    return Mention(first["name"], start, end, head, frozenset(word.lower() for word in first["name"].split()))


def _covers(head: Sentence, start: int, end: int) -> bool:
    """Say whether a word is one of an attack."""
    return any(hit.start <= start and end <= hit.end and hit.concept in _ATTACKS for hit in head.hits)


def _score(reading: Reading, head: Sentence, start: int, end: int) -> float:
    name = reading.document[start:end]
    score = 0.0
    before = reading.document[max(head.start, start - 40) : start]
    word = _LAST_WORD.search(before)
    if INTRODUCES.search(before) or (word is not None and FIRM.fullmatch(word[1]) is not None):
        score += 2.0
    if TELLS.match(reading.document[end : min(head.end, end + 20)]):
        score += 2.0
    if re.search(r"[a-zà-ÿ][A-Z]", name):
        score += 2.0
    told = _APPOSED.match(reading.document[end : min(head.end, end + 40)])
    if told is not None and FIRM.fullmatch(told[1]) is not None:
        score += 2.0
    if start == head.start and " " not in name:
        score -= 1.0
    return score
