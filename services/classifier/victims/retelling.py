"""Say on which provider an article looks back: "Two years after X, …", "In 2021 Y was hit"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.classifier.reading import Reading
from services.classifier.victims.naming import Mention

_TWO = 2
_REACH_BACK = 70
_YEARS_AFTER = re.compile(
    r"(?:years?|months?|weeks?|days?|ans?|mois|semaines?|jours?|Jahre?|Monate?|Wochen?|años?|meses|semanas?|anni|anno"
    r"|mesi|anos?|jaar|maanden|weken|lata?|rok|miesi\w+|år|måneder|månader|roky?|let|měsíc\w*)"
    r" (?:after|après|nach|después de|depois d\w+|dopo|na|po|efter|etter) (?:[\w'’]+ ){0,4}(?:l['’]|d['’])?$",
    re.IGNORECASE,
)
# One of these stands before, or neither pattern need be tried.
_CUE_BACK = frozenset(
    "after après nach después depois dopo na po efter etter says said to told selon d'après d’après laut según secondo "
    "segundo volgens enligt ifølge podle według".split()
)
_SAYS = re.compile(
    r"(?:says|said|according to|told|selon|d['’]après|laut|según|secondo|segundo|volgens|enligt|ifølge|podle|według)"
    r" (?:the |la |le |el |il |l['’]|der |die |das )?$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def told_of(mention: Mention, cue: str, mentions: Sequence[Mention], reading: Reading) -> bool:
    """Say whether a word that looks back speaks of a mention: where a sentence names two, of the one in its clause."""
    sentence = mention.sentence
    if not sentence.has(cue):
        return False
    named = [m for m in mentions if m.sentence is sentence and m.specific]
    if len(named) < _TWO:
        return True
    clauses = {reading.clause(sentence, m.start, m.end) for m in named}
    first, last = reading.clause(sentence, mention.start, mention.end)
    return len(clauses) < _TWO or any(first <= hit.start < last for hit in sentence.of(cue))


def looks_back_at(mention: Mention, reading: Reading) -> bool:
    """Say whether a mention is what another attack followed ("Two years after X, …") or who says so ("…, says X")."""
    before = reading.document[max(mention.sentence.start, mention.start - _REACH_BACK) : mention.start]
    if _CUE_BACK.isdisjoint(before.lower().split()):
        return False
    return _YEARS_AFTER.search(before) is not None or _SAYS.search(before) is not None


def in_an_earlier_year(mention: Mention, reading: Reading) -> bool:
    """Say whether a sentence behind the first of the text begins by telling of a year."""
    sentence = mention.sentence
    if sentence.title or sentence.start <= reading.title_length + _TWO:
        return False
    return _YEAR.search(reading.document, sentence.start, mention.start) is not None
