"""Find where a care provider's name begins and ends around the word for care: "centre hospitalier de Versailles".

The capitalised words beside it belong to the name, and the small words that join them ("de", "of", "am"); where
nothing else names it, the place behind it does ("nemocnice v Benešově", "sjukhuset i Åsele").
"""

from __future__ import annotations

import re
from itertools import pairwise

from services.classifier.reading import Reading, Sentence
from services.classifier.victims.unspaced import unspaced_edges
from services.classifier.victims.words import JOINERS, KIND_WORDS, STOP_CONCEPTS, TITLE_FILLERS
from shared.gate.scan import Hit, unspaced

# A name may end in none of these, and may not go on over them at its right side where they only connect.
_LEFT_JOINERS = JOINERS - {"v", "ve", "u", "på", "ved", "bei", "a", "ad", "en", "em", "no", "na", "te"}
_RIGHT_JOINERS = _LEFT_JOINERS - {"and", "at", "an", "im", "in", "e", "et", "und", "y", "og", "och", "for", "&", "à"}
# Where: these lead to a name only where the provider has no other.
_WHERE = re.compile(
    r" (?:in|à|au|aux|en|em|no|na|w|we|v|ve|i|på|ved|te|bei|im|a|ad|près de|nahe|bij|nära|near|at|u)"
    r" (?P<place>(?:(?:the|la|le|les|den|der|het|los|las|el|de|São|St\.?|Bad) )?[^\W\d_a-zß-öø-ÿ][\w'’-]+"
    r"(?:[ -](?:(?:am|an der|de|del|di|do|da|sur|sous|en|im|la|nad|pod|on|upon|aan den|bei) )?"
    r"[^\W\d_a-zß-öø-ÿ][\w'’-]+){0,3})"
)
# What a provider has and is not: "Server des MVZ Nordlicht".
_THINGS = frozenset({"systems", "digital", "website", "records", "office", "patients", "vital"})
_WORD = re.compile(
    r"[^\s\"“”„«»,;:()\[\]|/–—?!…（）【】\u3000-\u3029\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_LEFT_WORDS = 6
_RIGHT_WORDS = 7
_LONGEST_NUMBER = 3
_LONGEST_ACRONYM = 5
_QUOTED_AFTER = re.compile(r"\s?[«„“\"]([^«»„“”\"\n]{2,40})[»“”\"]")
_AND = re.compile(r",? (and|und|et|y|e|och|og|en|i|oraz|ja|a|&) (?:de |du |di |do |da |der |the |la |le |l['’])?")
# "les hôpitaux de Valmont et de Rochebrune": of several houses both names are told.
_SEVERAL = frozenset("hôpitaux cliniques hospitales clínicas ospedali cliniche hospitais szpitale".split())
_CONJUNCTIONS = frozenset({"et", "y", "e", "i"})
_ELIDED = re.compile(r"^(?:[dlDL]|dell|all|nell|sull)['’]")
# "Poliklinika Na Výsluní": in Czech and Slovak a name may hold what elsewhere only begins a headline.
_NAMES_HOLD_NA = frozenset({"cs", "sk"})
_FILLERS_BUT_NA = TITLE_FILLERS - {"Na"}


def edges(reading: Reading, sentence: Sentence, hit: Hit) -> tuple[int, int]:
    """Return where the name around a word for care begins and ends."""
    text = reading.document
    if unspaced(text[hit.start : hit.end]):
        return unspaced_edges(text, sentence.start, hit.start, hit.end, sentence.end)
    stops = [(h.start, h.end) for h in sentence.hits if h.concept in STOP_CONCEPTS]
    stops = [s for s in stops if not (s[0] < hit.end and hit.start < s[1])]
    start = _grow_left(text, sentence, hit.start, stops)
    if start < hit.start:
        start = _without_things(text, sentence, start, hit.start)
    fillers = _FILLERS_BUT_NA if reading.language in _NAMES_HOLD_NA else TITLE_FILLERS
    # "Harbour Clinic遭黑客攻击": the word ends where the script does.
    own = _WORD.match(text, hit.start, hit.end)
    if own is not None and own.end() < hit.end and unspaced(text[own.end()]):
        return start, own.end()
    numbered = hit.end - hit.start <= _LONGEST_ACRONYM
    several = reading.lowered[hit.start : hit.end] in _SEVERAL
    end = _grow_right(text, sentence, hit.end, stops, fillers, numbered=numbered, several=several)
    quoted = _QUOTED_AFTER.match(text, end, sentence.end)
    return start, quoted.end() if quoted and quoted[1][0].isupper() else end


def place_behind(text: str, end: int, stop: int) -> int:
    """Return the end of the place behind a word for care ("sjukhuset i Åsele"), or where the word ends."""
    found = _WHERE.match(text, end, stop)
    return found.end() if found and found["place"].split()[0] not in TITLE_FILLERS else end


def second_of_two(text: str, end: int, hit: Hit) -> int | None:
    """Return where a second name begins behind a first one that ends at `end`: "X Hospital and Y Hospital"."""
    found = _AND.match(text, end, hit.start + 1)
    if found is None or found.end() > hit.start:
        return None
    # In English the name stands before the kind: "Children's Hospital and Medical Center" is one house.
    return None if hit.start == found.end() and found[1] == "and" else found.end()


def only_and(text: str, end: int, start: int) -> bool:
    """Say whether nothing but "and" (and an article) stands between two names."""
    return _AND.fullmatch(text, end, start) is not None


def without_elision(word: str) -> str:
    """Return a word without the article that is written together with it: "l'ospedale"."""
    return _ELIDED.sub("", word)


def words_in(text: str, start: int, end: int) -> list[re.Match[str]]:
    """Return the words of a stretch of text."""
    return list(_WORD.finditer(text, start, end))


def _grow_left(text: str, sentence: Sentence, start: int, stops: list[tuple[int, int]]) -> int:
    words = words_in(text, sentence.start, start)[-_LEFT_WORDS:]
    kept = edge = start
    for word in reversed(words):
        between = text[word.end() : edge]
        if between.strip(" '’") or _stopped(word.start(), word.end(), stops) or _fills(word.group()):
            break
        bare = word.group().strip("'’")
        if _proper(bare):
            kept = word.start()
        elif bare.lower() not in _LEFT_JOINERS:
            break
        edge = word.start()
    elided = _ELIDED.match(text[kept:start])
    return kept + elided.end() if elided else kept


def _without_things(text: str, sentence: Sentence, start: int, stop: int) -> int:
    """Leave out what the provider has before its name: "Server des MVZ Nordlicht"."""
    words = words_in(text, start, stop)
    things = [h for h in sentence.hits if h.start < stop and start < h.end and h.concept in _THINGS]
    for word, joiner in pairwise(words):
        if joiner.group() in JOINERS and any(h.start <= word.start() and word.end() <= h.end for h in things):
            return words[words.index(joiner) + 1].start() if joiner is not words[-1] else stop
        break
    return start


def _grow_right(
    text: str,
    sentence: Sentence,
    end: int,
    stops: list[tuple[int, int]],
    fillers: set[str],
    *,
    numbered: bool,
    several: bool,
) -> int:
    """Return the end of the name; "Ulss 12" may end in its number, others only go on over one."""
    kept = edge = end
    for number, word in enumerate(_WORD.finditer(text, end, sentence.end)):
        if number >= _RIGHT_WORDS or text[edge : word.start()].strip(" '’-") or "\n" in text[edge : word.start()]:
            break
        if _stopped(word.start(), word.end(), stops):
            break
        bare = without_elision(word.group()).rstrip(".'’")
        if _proper(bare) and word.group() not in fillers:
            kept = word.start() + len(word.group().rstrip(".'’"))
        elif bare.isdigit() and len(bare) <= _LONGEST_NUMBER:
            kept = word.end() if numbered and not number else kept
        elif several and bare in _CONJUNCTIONS:
            pass
        elif _RIGHT_JOINERS.isdisjoint({bare.lower(), word.group().lower()}) and bare not in KIND_WORDS:
            break
        edge = word.end()
        if word.group().endswith(".") and len(bare) > 3:
            break
    return kept


def _fills(word: str) -> bool:
    """Say whether a word only fills a headline, which may be all in capitals."""
    return word in TITLE_FILLERS or (len(word) > 1 and word.isupper() and word.capitalize() in TITLE_FILLERS)


def _proper(word: str) -> bool:
    return bool(word) and (word[0].isupper() or word in {"1", "2", "3", "4", "5"})


def _stopped(start: int, end: int, stops: list[tuple[int, int]]) -> bool:
    return any(a < end and start < b for a, b in stops)
