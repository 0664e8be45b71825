"""Find the names of care providers in a text: "centre hospitalier de Versailles", "McLaren Health Care".

A name is a word for care with the capitalised words beside it, joined by the small words of its language
("de", "of", "am"), or a provider that the gazetteer knows. Scripts without capitals take the run of
characters before the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.classifier.place_words import is_demonym
from services.classifier.reading import Reading, Sentence
from shared.gate.scan import Hit, unspaced

_JOINERS = {
    "de", "du", "des", "d", "la", "le", "les", "of", "the", "and", "&", "for", "at", "di", "del", "della", "dell",
    "delle", "dei", "do", "da", "dos", "das", "e", "y", "et", "und", "am", "im", "an", "der", "den", "van", "het",
    "von", "zu", "in", "los", "las", "el", "i", "w", "we", "im.", "św.", "och", "og", "s", "saint", "al", "degli", "à",
}  # fmt: skip
# A name may end in none of these, and may not go on over them at its right side where they only connect.
_RIGHT_JOINERS = _JOINERS - {"and", "at", "an", "im", "in", "e", "et", "und", "y", "og", "och", "for", "&", "à"}
_STOP_CONCEPTS = frozenset(
    {"cyber", "breach", "hacked", "hacker", "victim_of", "outage", "claim", "stolen", "published", "closed", "down",
     "cancelled", "ransom", "gang", "lawsuit", "penalty", "confirmed", "paper", "data", "suspended"}
)  # fmt: skip
_WORD = re.compile(r"[^\s\"“”„«»,;:()\[\]|/–—?!…]+")
_MOST_MENTIONS = 120
_LEFT_WORDS = 6
_RIGHT_WORDS = 7
_CJK_LEFT = re.compile(r"[\u3400-\u9fff\u30a0-\u30ff\uff21-\uff5aA-Za-z0-9・·]{0,14}$")
_CJK_CUT = re.compile(
    r"^.*(?:攻击|攻擊|病毒|黑客|駭客|遭|的|和|与|及|在|对|了|是|日|月|年|一家|所属|因|向|致|使|被|多家|最大|据|从|由|声称|聲稱|攻破|入侵"
    r"|不正|向け|为|為|起诉|起訴|至少|导致|導致|确认|確認|证实|證實|通报|通報|家|所)"
)
# A Japanese name in kana from a mark on ("、さくら病院"), which holds no particle.
_KANA_NAME = re.compile(r"(?:^|[、。「『（\s])([ぁ-んァ-ヶー一-鿿々・A-Za-z0-9]{2,14})$")
_PARTICLE = re.compile(r"[はがをにへ]|から|まで|より|との|での|する|した|され")
_HAN_AFTER = re.compile(r"[\u4e00-\u9fff]{2,5}?(?=遭|被|电脑|電腦|系统|系統|数据|資料|服务器|伺服器|网站|網站)")
# "凡尔赛医院中心": the kind goes on.
_KIND_GOES_ON = re.compile("中心|集团|集團|总院|總院|グループ|機構|ネットワーク")
_NAMED_BEFORE = frozenset({"医院", "醫院", "病院", "诊所", "診所", "医疗机构", "醫療機構"})
_INITIALS_AFTER = re.compile(r"[\s\u00a0]?[(（]([A-Z][A-Za-z]{1,6})[)）]")
_QUOTED_AFTER = re.compile(r"\s?[«„“\"]([^«»„“”\"\n]{2,40})[»“”\"]")
TITLE_FILLERS = {
    "After", "Against", "Amid", "As", "At", "By", "Following", "For", "From", "In", "On", "Over", "To", "With", "Due",
    "Says", "Hit", "Hits", "Is", "Are", "Was", "Were", "Be", "Been", "Has", "Have", "Major", "Largest", "Local", "More",
    "Than", "Million", "Patients", "Patient", "A", "An", "Its", "Their", "Third", "Another", "Two", "Three", "Four",
    "Several", "Multiple", "Some", "Thousands", "People", "New", "Impacted", "Affected", "When", "How", "Why",
    "Exclusive", "Breaking", "Developing", "Update", "Updated", "Notice", "Nach", "Bei", "Auf", "Der", "Die", "Das",
    "Un", "Une", "Le", "La", "Les", "L'", "El", "Los", "Il", "Lo", "O", "Os", "Het", "De", "En", "Een", "Na",
    "Op", "Por", "Para", "Con", "Al", "Dans", "Après", "Sur", "Ce", "Cette", "Par", "Aux", "Au", "Et", "Y",
}  # fmt: skip


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
        for hit in sentence.hits:
            if hit.concept not in {"care", "provider", "supplier"} and not _named_health(reading, hit):
                continue
            start, end = _extent(reading, sentence, hit)
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
    own = _own_words(reading, sentence, start, end, hit)
    words = name.split()
    while own and len(words) > 1 and is_demonym(words[0].lower()) and words[0].lower() not in own:
        words = words[1:]
        if words[0].lower() not in own and len(words) > 1 and words[0][0].islower():
            words = words[1:]
        name = " ".join(words)
    if not own:
        initials = _INITIALS_AFTER.match(reading.document, end)
        if initials and stands_for(initials[1], name):
            own = frozenset({initials[1].lower()})
    return Mention(name, start, end, sentence, own, hit.concept != "care", hit.concept == "supplier")


def stands_for(initials: str, name: str) -> bool:
    """Say whether initials are those of a name: "CHC" of "Community Health Center"."""
    letters = "".join(word[0] for word in re.split(r"[\s-]+", name) if word and word[0].isupper())
    return len(letters) > 1 and letters.lower() == initials.lower()


def _own_words(reading: Reading, sentence: Sentence, start: int, end: int, hit: Hit) -> frozenset[str]:
    """Return the words that set this name apart from "a hospital"."""
    if unspaced(reading.document[hit.start : hit.end]):
        own = reading.document[start : hit.start] or reading.document[hit.end : end]
        return frozenset({own}) if own else frozenset()
    inside = _hits_within(sentence, start, end)
    common = {(h.start, h.end) for h in inside if h.concept in {"care", "health"}}
    own_words: set[str] = set()
    for word in _WORD.finditer(reading.document, start, end):
        text = word.group().strip(".'’-")
        text = re.sub(r"^(?:[dlDL]|dell|all|nell)['’]", "", text)
        if any(a <= word.end() - len(text) and word.end() <= b + 2 for a, b in common):
            continue
        if is_demonym(text.lower()):
            continue
        if text and (text[0].isupper() or text[0].isdigit() or hit.concept != "care") and text.lower() not in _JOINERS:
            own_words.add(text.lower())
    if not own_words and hit.concept != "care":
        return frozenset({reading.lowered[hit.start : hit.end]})
    return frozenset(own_words)


def _hits_within(sentence: Sentence, start: int, end: int) -> list[Hit]:
    return [h for h in sentence.hits if start <= h.start < end]


def _extent(reading: Reading, sentence: Sentence, hit: Hit) -> tuple[int, int]:
    text = reading.document
    if unspaced(text[hit.start : hit.end]):
        left = _CJK_LEFT.search(text, max(sentence.start, hit.start - 16), hit.start)
        run = left.group() if left else ""
        kana = _KANA_NAME.search(text, max(sentence.start, hit.start - 16), hit.start)
        if kana and len(kana[1]) > len(run) and not _PARTICLE.search(kana[1]):
            return kana.start(1), hit.end
        cut = _CJK_CUT.match(run)
        start = hit.start - len(run) + (cut.end() if cut else 0)
        if start < hit.start and (more := _KIND_GOES_ON.match(text, hit.end, sentence.end)):
            return start, more.end()
        follows = start == hit.start and text[hit.start : hit.end] not in _NAMED_BEFORE
        after = _HAN_AFTER.match(text, hit.end, sentence.end) if follows else None
        return start, after.end() if after else hit.end
    stops = [(h.start, h.end) for h in sentence.hits if h.concept in _STOP_CONCEPTS]
    stops = [s for s in stops if not (s[0] < hit.end and hit.start < s[1])]
    start = _grow_left(text, sentence, hit.start, stops)
    end = _grow_right(text, sentence, hit.end, stops)
    quoted = _QUOTED_AFTER.match(text, end, sentence.end)
    return start, quoted.end() if quoted and quoted[1][0].isupper() else end


def _grow_left(text: str, sentence: Sentence, start: int, stops: list[tuple[int, int]]) -> int:
    words = list(_WORD.finditer(text, sentence.start, start))[-_LEFT_WORDS:]
    kept = edge = start
    for word in reversed(words):
        between = text[word.end() : edge]
        if between.strip(" '’") or _stopped(word.start(), word.end(), stops) or word.group() in TITLE_FILLERS:
            break
        bare = word.group().strip("'’")
        if _proper(bare):
            kept = word.start()
        elif bare.lower() not in _JOINERS:
            break
        edge = word.start()
    elided = re.match(r"(?:[dlDL]|dell|all|nell|sull)['’]", text[kept:start] or "")
    return kept + elided.end() if elided else kept


def _grow_right(text: str, sentence: Sentence, end: int, stops: list[tuple[int, int]]) -> int:
    kept = edge = end
    for number, word in enumerate(_WORD.finditer(text, end, sentence.end)):
        if number >= _RIGHT_WORDS or text[edge : word.start()].strip(" '’-") or "\n" in text[edge : word.start()]:
            break
        if _stopped(word.start(), word.end(), stops):
            break
        bare = re.sub(r"^(?:[dlDL]|dell|all|nell)['’]", "", word.group()).rstrip(".'’")
        if _proper(bare) and word.group() not in TITLE_FILLERS:
            kept = word.start() + len(word.group().rstrip(".'’"))
        elif bare.lower() not in _RIGHT_JOINERS:
            break
        edge = word.end()
        if word.group().endswith(".") and len(bare) > 3:
            break
    return kept


def _proper(word: str) -> bool:
    return bool(word) and (word[0].isupper() or word in {"1", "2", "3", "4", "5"})


def _stopped(start: int, end: int, stops: list[tuple[int, int]]) -> bool:
    return any(a < end and start < b for a, b in stops)
