"""Read an attack told in plain words: "stolen", "attack" and "intruder" count where they are of what is digital.

Most news of attacks is of knives and wars, and most of it names a hospital: so an assault is a hack only where
what is digital stands close by in its clause ("files stolen", "attack on servers"), or is said to be down or lost
in the same sentence ("without charts since the attack").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.classifier.nearness import between
from shared.gate.scan import Hit, unspaced

_NEAR = 30
_NEAR_UNSPACED = 10
_BESIDE = 2
_OTHER_CLAUSE = re.compile(r"[;:–—()、，；：]|,(?!\d)")
_BODILY = frozenset({"physical", "not_computer", "metaphor"})
_STATES = frozenset({"down", "lacking", "paper"})


def told_plainly(sentences: Sequence[list[Hit]], head: Sequence[bool], document: str) -> list[tuple[Hit, ...]]:
    """Return the sentences' hits with assaults read as hacks where they are; `head` says which open the item.

    A headline and the sentences under it speak of one thing: what one of them tells counts for all.
    """
    bodily = [_is_bodily(hits) for hits in sentences]
    in_head = any(one for one, first in zip(bodily, head, strict=True) if first)
    told = [
        not body and not (first and in_head) and _tells(hits, document)
        for hits, body, first in zip(sentences, bodily, head, strict=True)
    ]
    head_told = not in_head and any(one for one, first in zip(told, head, strict=True) if first)
    return [
        _read_as_hacks(hits) if one or (first and head_told) else tuple(hits)
        for hits, one, first in zip(sentences, told, head, strict=True)
    ]


def _tells(hits: list[Hit], document: str) -> bool:
    digital = [hit for hit in hits if hit.concept == "digital"]
    if not digital:
        return False
    assaults = [hit for hit in hits if hit.concept == "assault"]
    if any(_is_near(assault, one, document) for assault in assaults for one in digital):
        return True
    states = [hit for hit in hits if hit.concept in _STATES]
    return any(
        not _fills(digital, assault) and any(not _meets(state, [assault]) for state in states) for assault in assaults
    )


def _is_near(assault: Hit, digital: Hit, document: str) -> bool:
    """Say whether both stand close in one clause; a word that is both ("data theft") is no pair."""
    gap = between(assault, digital)
    near = _NEAR_UNSPACED if unspaced(document[digital.start : digital.end]) else _NEAR
    if not 0 <= gap <= near:
        return False
    if gap <= _BESIDE:  # "breach: therapy notes"
        return True
    return _OTHER_CLAUSE.search(document, min(assault.end, digital.end), max(assault.start, digital.start)) is None


def _is_bodily(hits: list[Hit]) -> bool:
    assaults = [hit for hit in hits if hit.concept == "assault"]
    return any(hit.concept in _BODILY and not _meets(hit, assaults) for hit in hits)


def _read_as_hacks(hits: list[Hit]) -> tuple[Hit, ...]:
    digital = [hit for hit in hits if hit.concept == "digital"]
    return tuple(
        hit._replace(concept="hacked") if hit.concept == "assault" and not _fills(digital, hit) else hit for hit in hits
    )


def _meets(hit: Hit, others: list[Hit]) -> bool:
    return any(hit.start < other.end and other.start < hit.end for other in others)


def _fills(digital: list[Hit], assault: Hit) -> bool:
    """Say whether all that is digital stands in the words of the assault itself ("data theft")."""
    return bool(digital) and all(assault.start < one.end and one.start < assault.end for one in digital)
