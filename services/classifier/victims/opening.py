"""Find the name with which a headline or a sentence begins: "Silmäasema Kirkas hakkeroitiin"."""

from __future__ import annotations

import re

from services.classifier.places.words import is_demonym
from services.classifier.reading import Reading, Sentence
from services.classifier.victims.naming import Mention
from services.classifier.victims.no_names import NO_NAME, SHORTEST, is_something_else, named
from services.classifier.victims.shapes import AUTHORITIES, CAPITALISED, NO_VICTIM, OFFICES, TELLS
from services.classifier.victims.words import TITLE_FILLERS

_TWO = 2
# "Jane Doe, 45, …" is somebody, and no provider.
_AGED = re.compile(r", (?:aged )?\d{2}\b")
_AT_ONCE = 14
_TELLS_WITHIN = 90
_ARTICLE = re.compile(r"(?:The|Le|La|Les|El|Los|Las|Il|Lo|Gli|I|O|A|Os|As|Die|Der|Das|De|Het) (?=[^\W\d_])|L['’]")
# What may stand between a name and what was done to it: "drabbad av", "joutui".
_APART = 14
_TOLD_OF = frozenset({"cyber", "breach", "hacked", "hacker", "victim_of"})


def before_the_event(reading: Reading, head: Sentence) -> Mention | None:
    """Return the capitalised words with which a headline begins and behind which the attack is told."""
    article = _ARTICLE.match(reading.document, head.start, head.end)
    first = article.end() if article else head.start
    found = CAPITALISED.match(reading.document, first, head.end)
    event = next((hit for hit in head.hits if hit.concept in _TOLD_OF), None)
    if found is None or event is None or event.start < first + SHORTEST:
        return None
    name = reading.document[first : min(found.end(), event.start)].strip(" '’-")
    end = first + len(name)
    words = name.split()
    apart = reading.document[end : event.start].strip(" :,–-")
    if len(words) < _TWO or len(apart) > _APART or words[0] in OFFICES or name in AUTHORITIES:
        return None
    if words[0] in TITLE_FILLERS or is_demonym(words[0].lower()) or NO_VICTIM.match(name):
        return None
    if any(hit.concept in NO_NAME and hit.start < end for hit in head.hits):
        return None
    named_so = not is_something_else(reading, head, first, end, introduced=True)
    return named(reading, head, first, end) if named_so else None


def that_speaks(reading: Reading, head: Sentence) -> Mention | None:
    """Return the name that a sentence begins with and that tells of it: "Il Gruppo Villa Salus ha confermato …"."""
    opening = _opening(reading, head)
    told = opening is not None and TELLS.match(reading.document[opening.end : opening.end + _TELLS_WITHIN])
    return opening if told else None


def that_opens(reading: Reading, head: Sentence) -> Mention | None:
    """Return the name of two words or more that a sentence begins with, or the one that tells of it."""
    opening = _opening(reading, head)
    if opening is None or _AGED.match(reading.document, opening.end):
        return None
    return opening if len(opening.name.split()) >= _TWO or "'" in opening.name else that_speaks(reading, head)


def _opening(reading: Reading, head: Sentence) -> Mention | None:
    """Return the capitalised words that a sentence begins with, without articles and what kind of firm it is."""
    for found in CAPITALISED.finditer(reading.document, head.start, head.end):
        start, end = found.span()
        words = found.group().split()
        while words and (words[0] in TITLE_FILLERS or is_demonym(words[0].lower())):
            start += len(words[0]) + 1
            words = words[1:]
        if start - head.start > _AT_ONCE:
            return None
        name = reading.document[start:end]
        if not words or words[0] in OFFICES or name in AUTHORITIES or len(name) < SHORTEST:
            continue
        if NO_VICTIM.match(name) or is_something_else(reading, head, start, end, introduced=True):
            return None
        return named(reading, head, start, end)
    return None
