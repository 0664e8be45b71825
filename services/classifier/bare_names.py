"""Find the name of a victim that says nothing of care: "Dental chain SmileHarbor hacked".

Asked only where no care provider is named. A name is a run of capitalised words in the title (or the first
sentence, where there is none); what stands before and behind it says whether it is who was hit.
"""

from __future__ import annotations

import re

from services.classifier.name_shapes import (
    AUTHORITIES,
    BEFORE_THE_EVENT,
    INNER_CAPITAL,
    KIND_OF_HOSPITAL,
    NOT_VICTIMS,
    OFFICES,
    QUOTED,
    UNSPACED_FIRM,
    WITH_INITIALS,
)
from services.classifier.naming import TITLE_FILLERS, Mention, stands_for
from services.classifier.place_words import is_demonym, table
from services.classifier.reading import Reading, Sentence

_NAME = re.compile(
    r"[^\W\d_a-zß-öø-ÿ][\w&'’-]*(?: (?:of |de |du |da |do |di |del |della )?[^\W\d_a-zß-öø-ÿ][\w&'’-]*){0,5}"
)
_INTRODUCES = re.compile(
    r"(?:\b(?:at|on|of|against|hits|hit|chain|firm|supplier|vendor|provider|company|platform|group|contractor|operator"
    r"|contre|chez|auf|bei|gegen|Dienstleister|Softwarehaus|Softwarefirma|dienst|contra|al|a|proveedor|fornitore|fornecedor"
    r"|à|prestataire|fournisseur|plateforme|hébergeur|éditeur|leverancier|leverandør\w*|leverantör\w*|mot|på|hos|bij|op"
    r"|na|dostawcę|dodavatel\w*|systémů|laboratorium|résidence|rede|chain|clinic|clinics|\w*(?:dienstleister|softwarehaus"
    r"|softwarefirma|dienst|anbieter|hersteller)|sous-traitant|leverantören|bolaget|underleverantör|firmaet|firmy|firmę|firma"
    r"|proveedora?|empresa|sistema|plataforma|società|azienda|fornitrice|leverancier|leverandøren|yhtiö\w*|toimittaja\w*"
    r"|фирм\w*|компани\w*|поставщик\w*|сервис\w*|постачальник\w*|компані\w*|доставчик\w*|εταιρεία\w*|dobavljač\w*"
    r"|ponudnik\w*|furnizor\w*|firmei|şirketi|szolgáltató|cég|perusahaan|công ty|شركة|חברת|업체|회사|기업|앱)|[»”)])"
    r"[:,]?\s+[«“„\"(]?$",
    re.IGNORECASE,
)
_SHORTEST = 3
_TELLS = re.compile(
    r"^[»”\")]?\s*[:,]?\s*(?:says|said|confirms|confirmed|notifies|warns|discloses|reports|announces|tells|is|was|hacked|"
    r"hit|victim\w*|breach|hack|gehackt|meldet|bestätigt|angegriffen|piraté\w*|victime|attaqué\w*|reconnaît|hackead\w*|"
    r"confirma|comunica|informa|hackerat\w*|hacket|hackad|angripet|napaden|porte|getroffen|slachtoffer|alvo|diz|ofiar\w*)"
)
_CARE_IN_A_NAME = frozenset(
    {"care", "health", "activity", "medicines", "systems", "digital", "records", "imaging", "lab"}
)
_NO_NAME = frozenset(
    {"cyber", "breach", "hacked", "hacker", "gang", "darknet", "outage", "negation", "down", "patients"}
)
_LEAST = 2.0
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
        return _mention(reading, head, *firm.span(firm.lastgroup or 0))
    if told := _told_first(reading, head):
        return told
    if _title_case(reading, head) or head.index:
        return _by_its_shape(reading, head)
    best: tuple[float, int, int] | None = None
    for found in _NAME.finditer(reading.document, head.start, head.end):
        start, end = found.span()
        words = found.group().split()
        while words and (words[0] in TITLE_FILLERS or is_demonym(words[0].lower())):
            start += len(words[0]) + 1
            words = words[1:]
        if not words or not _SHORTEST <= end - start <= _LONGEST or _is_something_else(reading, head, start, end):
            continue
        score = _score(reading, head, start, end)
        if best is None or score > best[0]:
            best = score, start, end
    if best is None or best[0] < _LEAST:
        return _by_its_shape(reading, head)
    _, start, end = best
    return _mention(reading, head, start, end)


def _mention(reading: Reading, head: Sentence, start: int, end: int) -> Mention:
    name = reading.document[start:end].strip(" '’-")
    return Mention(name, start, end, head, frozenset(word.lower() for word in name.split()))


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
            if any(h.concept in _NO_NAME and h.start < end and start < h.end for h in head.hits):
                continue
            return _mention(reading, head, start, end)
    return None


def _told_first(reading: Reading, head: Sentence) -> Mention | None:
    """Return the name in quotes that is no word of an attack, or the one that an English headline begins with."""
    for quoted in QUOTED.finditer(reading.document, head.start, head.end):
        name = quoted[1]
        told = len(name.split()) > 2 and quoted.start() <= head.start + 1  # what somebody said, not a name
        if (
            (name[0].isupper() or not name[0].isascii())
            and len(name.split()) <= 4
            and not told
            and not any(
                hit.start < quoted.end(1) and quoted.start(1) < hit.end and hit.concept in _NO_NAME for hit in head.hits
            )
        ):
            return Mention(name, *quoted.span(1), head, frozenset(word.lower() for word in name.split()))
    first = BEFORE_THE_EVENT.match(reading.document[head.start : head.end]) if "en" in reading.languages[:1] else None
    if first is None:
        return None
    start, end = head.start + first.start("name"), head.start + first.end("name")
    if len(first["name"]) < _SHORTEST or first["name"].split()[0] in OFFICES or first["name"] in AUTHORITIES:
        return None
    if _is_something_else(reading, head, start, end) or is_demonym(first["name"].split()[0].lower()):
        return None
    return Mention(first["name"], start, end, head, frozenset(word.lower() for word in first["name"].split()))


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
    # "RecetaNet" is a name, whatever the word it is made of means.
    own = re.search(r"[a-zà-ÿ][A-Z]", reading.document[start:end]) is not None
    covered = sum(
        min(hit.end, end) - max(hit.start, start)
        for hit in _apart(head)
        if hit.start < end and start < hit.end and not (own and hit.concept in _CARE_IN_A_NAME)
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
