"""Find the name of a victim that says nothing of care: "Dental chain SmileHarbor hacked".

Asked only where no care provider is named. A name is a run of capitalised words in the title (or the first
sentence, where there is none); what stands before and behind it says whether it is who was hit.
"""

from __future__ import annotations

import re

from services.classifier.naming import TITLE_FILLERS, Mention
from services.classifier.place_words import is_demonym, table
from services.classifier.reading import Reading, Sentence

_NAME = re.compile(
    r"[^\W\d_a-zß-öø-ÿ][\w&'’-]*(?: (?:of |de |du |da |do |di |del |della )?[^\W\d_a-zß-öø-ÿ][\w&'’-]*){0,5}"
)
_INTRODUCES = re.compile(
    r"(?:\b(?:at|on|of|against|hits|hit|chain|firm|supplier|vendor|provider|company|platform|group|contractor|operator"
    r"|contre|chez|auf|bei|gegen|Dienstleister|Softwarehaus|Softwarefirma|dienst|contra|al|a|proveedor|fornitore|fornecedor"
    r"|à|prestataire|fournisseur|plateforme|hébergeur|éditeur|leverancier|leverandør\w*|leverantör\w*|mot|på|hos|bij|op"
    r"|na|dostawcę|dodavatel\w*|systémů|laboratorium|résidence|rede|chain|clinic|clinics)|[»”)])[:,]?\s+[«“\"(]?$"
)
_TELLS = re.compile(
    r"^[»”\")]?\s*[:,]?\s*(?:says|said|confirms|confirmed|notifies|warns|discloses|reports|announces|tells|is|was|hacked|"
    r"hit|victim\w*|breach|hack|gehackt|meldet|bestätigt|angegriffen|piraté\w*|victime|attaqué\w*|reconnaît|hackead\w*|"
    r"confirma|comunica|informa|hackerat\w*|hacket|hackad|angripet|napaden|porte|getroffen|slachtoffer|alvo|diz|ofiar\w*)"
)
_LEAST = 2.0
_LONGEST = 80


def bare_name(reading: Reading) -> Mention | None:
    """Return the best name in the head of an article, or None where none is plainly the victim's."""
    head = next(iter(reading.sentences), None)
    if head is None or _title_case(reading, head):
        return None
    best: tuple[float, int, int] | None = None
    for found in _NAME.finditer(reading.document, head.start, head.end):
        start, end = found.span()
        words = found.group().split()
        while words and (words[0] in TITLE_FILLERS or is_demonym(words[0].lower())):
            start += len(words[0]) + 1
            words = words[1:]
        if not words or end - start > _LONGEST or _is_something_else(reading, head, start, end):
            continue
        score = _score(reading, head, start, end)
        if best is None or score > best[0]:
            best = score, start, end
    if best is None or best[0] < _LEAST:
        return None
    _, start, end = best
    name = reading.document[start:end].strip(" '’-")
    return Mention(name, start, end, head, frozenset(word.lower() for word in name.split()))


def _score(reading: Reading, head: Sentence, start: int, end: int) -> float:
    name = reading.document[start:end]
    score = 0.0
    if _INTRODUCES.search(reading.document[max(head.start, start - 40) : start]):
        score += 2.0
    if _TELLS.match(reading.document[end : min(head.end, end + 20)]):
        score += 2.0
    if re.search(r"[a-zà-ÿ][A-Z]", name):
        score += 2.0
    if start == head.start and " " not in name:
        score -= 1.0
    return score


def _is_something_else(reading: Reading, head: Sentence, start: int, end: int) -> bool:
    """Say whether the words mean something: an attack, a gang, a part of care, a country or a place's kind."""
    covered = sum(
        min(hit.end, end) - max(hit.start, start) for hit in _apart(head) if hit.start < end and start < hit.end
    )
    name = reading.document[start:end].lower()
    return covered * 2 > end - start or name in table("regions") or name.isdigit()


def _apart(head: Sentence) -> list:  # type: ignore[type-arg]
    reach = -1
    kept = []
    for hit in sorted(head.hits, key=lambda h: (h.start, -h.end)):
        if hit.concept in {"common", "provider", "supplier"} or hit.start < reach:
            continue
        reach = hit.end
        kept.append(hit)
    return kept


def _title_case(reading: Reading, head: Sentence) -> bool:
    """Say whether a headline writes most words with a capital, so that capitals tell nothing."""
    words = re.findall(r"[^\W\d_]{4,}", reading.document[head.start : head.end])
    return len(words) >= 4 and sum(word[0].isupper() for word in words) > 0.7 * len(words)
