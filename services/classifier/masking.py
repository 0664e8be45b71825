"""Drop the terms that stand in what only looks like care: towns, metaphors, the publisher's name behind a headline."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

from shared.gate.scan import Hit

_PUBLISHER = re.compile(r"\s(?:\||-|–|—|:::?)\s(?!.*\s(?:\||-|–|—)\s)(.{2,60})$")
# "de Villanueva del Hospital", "em Oliveira do Hospital", "de L'Hospitalet": towns named for a hospital of old.
_TOWN = re.compile(
    r"\b(?:de|en|a|em|in|d'|à|of|do|da) "
    r"(?P<town>[A-ZÁÉÍÓÚÂÊÔ][\w'’-]+ (?:del|do|dell'|de l') ?(?:Hospital|Ospedale))\b(?! [A-ZÁÉÍÓÚ])"
)
_EVENT = frozenset({"cyber", "breach", "hacked", "hacker", "outage"})
_MASKING = frozenset({"mask", "metaphor", "not_computer"})


def unmask(hits: list[Hit], title_length: int, document: str) -> list[Hit]:
    """Drop hits inside names that only look like hospitals, and in the publisher's name after a headline."""
    masks = [(hit.start, hit.end) for hit in hits if hit.concept in _MASKING]
    parts = {hit.start for hit in hits if hit.concept in {"emergency", "activity", "office", "website"}}
    masks += [found.span("town") for found in _TOWN.finditer(document) if found.start("town") not in parts]
    if title_length:
        suffix = _PUBLISHER.search(document[:title_length])
        events = [h.start for h in hits if h.end <= title_length and h.concept in _EVENT]
        if suffix and all(start < suffix.start(1) for start in events):
            masks.append((suffix.start(1), title_length))
    if not masks:
        return hits
    masks.sort()
    starts = [start for start, _ in masks]
    # How far the masks reach that begin up to each of them: one of these holds a hit if any does.
    reach = list(accumulate((end for _, end in masks), max))
    return [hit for hit in hits if hit.concept in _MASKING or not _is_masked(hit, starts, reach)]


def _is_masked(hit: Hit, starts: list[int], reach: list[int]) -> bool:
    before = bisect_right(starts, hit.start)
    return before > 0 and hit.end <= reach[before - 1]
