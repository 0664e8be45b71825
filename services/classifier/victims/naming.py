"""Find the names of care providers in a text: "centre hospitalier de Versailles", "McLaren Health Care".

A name is a word for care with the capitalised words beside it, joined by the small words of its language
("de", "of", "am"), or a provider that the gazetteer knows. Scripts without capitals take the run of
characters before the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.classifier.places.words import country_words, is_demonym, table
from services.classifier.reading import Reading, Sentence
from services.classifier.victims.edges import edges, place_behind, second_of_two, without_elision, words_in
from services.classifier.victims.words import JOINERS, STOP_CONCEPTS, TITLE_FILLERS
from shared.gate.scan import Hit, unspaced

_MOST_MENTIONS = 120
_INITIALS_AFTER = re.compile(r"[\s\u00a0]?[(（]([A-Z][A-Za-z]{1,6})[)）]")
_OWNS = re.compile(r"['’]s [a-zß-öø-ÿ]")
_CHAIN = re.compile(
    r"[\w-]*(?:kedjan?|keten|konsernet|konsern|kæden?|kjeden?|kette|konzern|bolaget|ketju|koncernen|koncern) "
)
# "U.S. hospital operator Crestline Health"
_KIND_BEFORE = re.compile(
    r"(?:[\w.'’-]+ ){0,4}(?:operator|chain|provider|giant|network|firm|company|practice|nonprofit) (?=[A-Z])"
)
# "Alder Creek Behavioral Health data breach"
_GOES_ON = re.compile(
    r"(?<=[\w)]) (?:data|patients?|security|cyber\w*|says|confirms|network|computers?|ransomware)(?: [a-z]+)*$"
)
_LAND_S = re.compile(r"((?:[A-Z][\w.]+ ){0,2}[A-Z][\w.]+)['’]s (?=[A-Z])")
# "benešovská nemocnice": a place as an adjective, which Slavic languages write in lower case.
_ADJECTIVE = re.compile(
    r"\b(?!(?:m[ěe]st|kraj|dět|detsk|vojen|lékař|lekár|miej|wojewódz|powiat|kliniczn|uniwersytec|dziecię|česk|polsk|sloven"
    r"|američ|americk|němec|niemiec|rus|británsk|franc|okres|oblast|soukrom|priva|zdravot|medyc|mal|velk|wielk)\w*)"
    r"(\w{4,}(?:sk|ck)(?:á|é|ou|ý|ého|ém|ej|i|iego|im|a|om|oj)) $"
)
# "Sankt-Hildegard-Hospital", "Marienkrankenhaus": the name stands in the word for care itself.
_COMPOUND = re.compile(
    r"((?!(?:Universit|Uni|Kreis|Kinder|Fach|Stadt|Bezirks|Privat|Unfall|Lungen|Reha|Tages|Augen|Haut|Zahn|Frauen|Haupt"
    r"|Groß|Militär|Bundeswehr|Landes|Poly|Psychiatrie|Herz|Gemeinde|Allgemein|Regional|Akut|Zentral|Lehr|Kur|Klein|Tier"
    r"|Streek|Academi|Barn|Läns|Central|Region|Psykiatri|Lokal|Nær|Syge|Syk|Sjuk|Kranken|Spezial|Maximal|Plan|Corona"
    r"|Dorf|Partner|Nachbar|Konzern|Groot|Dieren|Djur|Børne|Øre|Ögon|Øjen|Hud|Tand|Kant(?:on|ons))\w*)"
    r"[A-ZÄÖÜÅÆØ][\wäöüß]{3,}(?:-[A-ZÄÖÜÅÆØ][\wäöüß]*)*?)"
    r"-?(?:[Kk]rankenhaus|[Kk]linik|[Kk]liniken|[Kk]linikum|[Hh]ospital|[Hh]ospiz|[Ss]pital|[Zz]iekenhuis|[Ss]jukhuset?"
    r"|[Ss]ykehuset?|[Ss]ygehuset?|[Ll]asarett|[Gg]asthuis|[Ss]tift)"
)
# "University Medical Center in Lubbock": these alone say too little.
_WEAK = frozenset({"university", "regional", "general", "children's", "county", "community", "central", "medical"})
_SLAVIC = frozenset({"cs", "sk", "pl"})
_LONGEST_ADJECTIVE = 24


@dataclass(frozen=True, slots=True)
class Mention:
    """Hold a care provider's mention: its name, the words that are its own, and where it stands."""

    name: str
    start: int
    end: int
    sentence: Sentence
    own: frozenset[str]
    listed: bool = False
    supplier: bool = False

    @property
    def specific(self) -> bool:
        """Say whether it names one provider and not just "a hospital"."""
        return bool(self.own) or self.listed


def find_mentions(reading: Reading) -> list[Mention]:
    """Return the mentions of care providers and their suppliers, by place, each once."""
    found: list[Mention] = []
    for sentence in reading.sentences:
        second_begins = -1
        for hit in sentence.hits:
            if hit.concept not in {"care", "provider", "supplier"} and not _named_health(reading, hit):
                continue
            start, end = edges(reading, sentence, hit)
            if hit.start >= second_begins >= 0:
                start = max(start, second_begins)
            if found and start < found[-1].end and (apart := second_of_two(reading.document, found[-1].end, hit)):
                # Its own words decide below whether these are two houses or one: "Hospitals and Clinics".
                second = _mention(reading, sentence, apart, end, hit)
                if second.own and hit.concept == "care":
                    found.append(second)
                    second_begins = apart
                    continue
            if found and start < found[-1].end:
                previous = found[-1]
                if (end - start) <= (previous.end - previous.start):
                    if hit.concept != "care" and not previous.listed:
                        found[-1] = _mention(reading, sentence, previous.start, previous.end, hit)
                    continue
                found.pop()
                start, end = min(start, previous.start), max(end, previous.end)
            found.append(_mention(reading, sentence, start, end, hit))
            if len(found) >= _MOST_MENTIONS:
                return found
    return found


def _named_health(reading: Reading, hit: Hit) -> bool:
    """Say whether "Health" stands in a name: "TriCounty Health", but not "health data"."""
    if hit.concept != "health" or reading.document[hit.start : hit.end] != "Health":
        return False
    before = re.search(r"(\w+) $", reading.document[max(0, hit.start - 30) : hit.start])
    after = re.match(r" (Data|Information|Records?|Care|Plan|Insurance|Minist|Department)", reading.document[hit.end :])
    return bool(before) and before[1][0].isupper() and before[1] not in TITLE_FILLERS and not after  # type: ignore[index]


def _mention(reading: Reading, sentence: Sentence, start: int, end: int, hit: Hit) -> Mention:
    name = reading.document[start:end].strip(" \n\t'’-.")
    if _OWNS.match(reading.document, max(start, end - 2), end + 2):
        # "Coastline Fertility's patient data"
        name, end = name[:-2], end - 2
    chain = _CHAIN.match(name) if hit.start == start else None
    if chain and end > hit.end and name[chain.end() : chain.end() + 1].isupper():
        # "Helsekonsernet Aurora Helse": what kind it is, and then its name.
        name = name[chain.end() :]
    if more := _GOES_ON.search(name):
        name = name[: more.start()]
    if firm := _KIND_BEFORE.match(name):
        name = name[firm.end() :]
    if (land := _LAND_S.match(name)) and (land[1].lower() in table("regions") or land[1].lower() in country_words()):
        name = name[land.end() :]
    own = _own_words(reading, sentence, start, end, hit)
    words = name.split()
    while own and len(words) > 1 and is_demonym(words[0].lower()) and words[0].lower() not in own:
        words = words[1:]
        if words[0].lower() not in own and len(words) > 1 and words[0][0].islower():
            words = words[1:]
        name = " ".join(words)
    if own and own <= _WEAK and hit.concept == "care":
        placed = place_behind(reading.document, end, sentence.end)
        return Mention(reading.document[start:placed].strip(" '’-"), start, placed, sentence, own)
    if not own:
        initials = _INITIALS_AFTER.match(reading.document, end)
        if initials and stands_for(initials[1], name):
            own = frozenset({initials[1].lower()})
        elif hit.concept == "care" and (adjective := _adjective(reading, start)):
            return Mention(f"{adjective[1]} {name}", adjective.start(1), end, sentence, own)
        elif hit.concept == "care" and (placed := place_behind(reading.document, end, sentence.end)) > end:
            return Mention(reading.document[start:placed].strip(" '’-"), start, placed, sentence, own)
    return Mention(name, start, end, sentence, own, hit.concept != "care", hit.concept == "supplier")


def _adjective(reading: Reading, start: int) -> re.Match[str] | None:
    """Return the place that stands as an adjective before a word for care."""
    if reading.language not in _SLAVIC:
        return None
    return _ADJECTIVE.search(reading.document, max(0, start - _LONGEST_ADJECTIVE), start)


def stands_for(initials: str, name: str) -> bool:
    """Say whether initials are those of a name: "CHC" of "Community Health Center"."""
    letters = "".join(word[0] for word in re.split(r"[\s-]+", name) if word and word[0].isupper())
    return len(letters) > 1 and letters.lower() == initials.lower()


def _own_words(reading: Reading, sentence: Sentence, start: int, end: int, hit: Hit) -> frozenset[str]:
    """Return the words that set this name apart from "a hospital"."""
    if unspaced(reading.document[hit.start : hit.end]):
        own = reading.document[start : hit.start].strip() or reading.document[hit.end : end]
        return frozenset({own}) if own else frozenset()
    inside = _hits_within(sentence, start, end)
    common = {(h.start, h.end) for h in inside if h.concept in {"care", "health"}}
    telling = [h for h in inside if h.concept in STOP_CONCEPTS]
    own_words: set[str] = set()
    for word in words_in(reading.document, start, end):
        text = without_elision(word.group().strip(".'’-"))
        if any(h.start <= word.start() < hit.start and word.end() <= h.end for h in telling):
            continue
        if any(a <= word.end() - len(text) and word.end() <= b + 2 for a, b in common):
            continue
        if is_demonym(text.lower()):
            continue
        if text and (text[0].isupper() or text[0].isdigit() or hit.concept != "care") and text.lower() not in JOINERS:
            own_words.add(text.lower())
    if own_words:
        return frozenset(own_words)
    if hit.concept != "care":
        return frozenset({reading.lowered[hit.start : hit.end]})
    compound = _COMPOUND.fullmatch(reading.document, hit.start, hit.end)
    return frozenset({compound[1].lower()}) if compound else frozenset()


def _hits_within(sentence: Sentence, start: int, end: int) -> list[Hit]:
    return [h for h in sentence.hits if start <= h.start < end]
