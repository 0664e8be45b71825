"""Draw the facts from the signals that count: how sure, how it stands, how wide, how many sites, the ransom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.classifier.reading import Reading, Sentence
from services.classifier.setaside import Weighed
from services.classifier.victims.choose import Cast
from shared.gate.terms import numbers
from shared.severity import Facts
from shared.signals import MEANINGS, Axis, Certainty, Scope, Signal, Status

_NUMBER = re.compile(r"(?<![\w.,%])(\d{1,3}|[^\W\d_]+)\s+(?:[^\W\d_]+[\s-]+){0,2}$")
_CJK_NUMBER = re.compile(r"(\d{1,3}|[二三四五六七八九十])\s?(?:家|所|间|間|つの|か所)\S{0,3}$")
_CJK_DIGITS = {d: n for n, d in enumerate("一二三四五六七八九十", start=1)}
_SITES_AT_MOST = 400
_DURATION = re.compile(
    r"(?<!\w)(\d{1,2}|[^\W\d_]+)\s+(day|week|month|jour|semaine|mois|tag|woche|monat|día|dia|semana|mes|giorn|settiman|mes)\w*"
)
_DAYS = {
    **dict.fromkeys(("day", "jour", "tag", "día", "dia", "giorn"), 1),
    **dict.fromkeys(("week", "semaine", "woche", "semana", "settiman"), 7),
    **dict.fromkeys(("month", "mois", "monat", "mes"), 30),
}
# "Several weeks" is not stated to be more than fourteen days.
_VAGUE = frozenset(
    "several multiple numerous some plusieurs quelques mehrere einige varios varias vários várias diversi".split()
)
_FOR = ("for ", "pendant", "depuis", "seit", "durante", "desde", "per ", "over ")
_EVENTS = frozenset({Signal.ATTACK, Signal.OUTAGE, Signal.DATA_STOLEN})
_DIVERSION = frozenset({Signal.EMERGENCY_CLOSED, Signal.AMBULANCES_DIVERTED})
_DOWN = frozenset({Signal.NETWORK_DOWN, Signal.RECORDS_DOWN, Signal.PAPER_MODE, Signal.ACTIVITY_SUSPENDED})


@dataclass(frozen=True, slots=True)
class Told:
    """Hold the facts of one article, beside those that the grade needs."""

    facts: Facts
    status: Status
    ransom: str
    attacker: str | None
    suppliers: tuple[str, ...]


def draw_facts(weighed: Sequence[Weighed], reading: Reading, cast: Cast) -> Told:
    """Draw the facts from the signals that count; a word of doubt beside the attack makes it suspected."""
    used = [w.found for w in weighed if w.used]
    signals = {found.signal for found in used}
    care = [f.sentence for f in used if MEANINGS[f.signal].axis is Axis.CARE]
    sites = _most(_sites(s, reading) for s in care)
    supplier = any(m.supplier for m in cast.victims) or any(s.has("vendor_word") for s in reading.sentences[:2])
    medicines = any(f.signal is Signal.MEDICINES_BLOCKED and f.sentence.has("customers") for f in used)
    customers = medicines or (supplier and _customers_hit(reading, care))
    certainty = _certainty(weighed, reading)
    region = any(f.sentence.has("region_wide") for f in used if f.signal in _DOWN)
    one_named = bool(cast.victims) and cast.victims[0].specific
    scope = _scope(sites if sites is not None or not one_named else 1, supplier, region)
    facts = Facts(
        certainty=certainty,
        scope=scope,
        sites=sites,
        diverting_sites=_most(_sites(f.sentence, reading) for f in used if f.signal in _DIVERSION),
        sites_down=_most(_sites(f.sentence, reading) for f in used if f.signal in _DOWN),
        supplier_customers=customers,
        disrupted_days=_most(_days(s, reading) for s in care),
        published_by_attacker_only=_by_attacker_only(weighed),
    )
    attacker = next((reading.quote(h.start, h.end) for s in reading.sentences for h in s.of("gang")), None)
    suppliers = tuple(dict.fromkeys(m.name for m in (*cast.victims, *cast.others) if m.supplier))
    return Told(facts, _status(weighed, signals), _ransom(weighed), attacker, suppliers)


def _customers_hit(reading: Reading, care: Sequence[Sentence]) -> bool:
    """Say whether a supplier's customers are told of, or care sites in the plural beside what is down."""
    return any(s.has("customers") for s in reading.sentences) or any(s.has("sites_word") for s in care)


def _certainty(weighed: Sequence[Weighed], reading: Reading) -> Certainty:
    event = [w.found for w in weighed if w.used and w.found.signal in _EVENTS]
    claim = [w.found for w in weighed if w.used and w.found.signal is Signal.ATTACKER_CLAIM]
    sentences = {f.sentence.index: f.sentence for f in event}.values()
    confirmed = any(s.has("confirmed") and not _only_claims(s) for s in sentences)
    # What an authority or the victim publishes is its word; that it suspects, or passes on a claim, stays so.
    authority = reading.article.official or any(s.has("authority") for s in reading.sentences[:8])
    care = any(w.used and MEANINGS[w.found.signal].axis is Axis.CARE for w in weighed)
    if claim and not care and not confirmed and all(s.has("claim") for s in sentences):
        return Certainty.CLAIMED
    if event and all(s.has("suspected") for s in sentences) and not confirmed:
        return Certainty.SUSPECTED
    if confirmed or authority or any(s.has("confirmed") for s in reading.sentences[1:6]):
        return Certainty.CONFIRMED
    return Certainty.REPORTED


def _only_claims(sentence: Sentence) -> bool:
    return sentence.has("claim") and not sentence.has("authority")


def _status(weighed: Sequence[Weighed], signals: set[Signal]) -> Status:
    used = [w.found for w in weighed if w.used]
    care = any(MEANINGS[f.signal].axis is Axis.CARE for f in used)
    if Signal.BLOCKED in signals and not care:
        return Status.CONTAINED
    if Signal.RESTORED in signals:
        return Status.RESTORED
    if care or any(f.sentence.has("ongoing") for f in used if f.signal in {Signal.ATTACK, Signal.OUTAGE}):
        return Status.ONGOING
    if Signal.CONTAINED in signals:
        return Status.CONTAINED
    if signals & {Signal.DATA_STOLEN, Signal.DATA_PUBLISHED}:
        return Status.PAST
    return Status.UNKNOWN


def _ransom(weighed: Sequence[Weighed]) -> str:
    told = [w for w in weighed if w.found.signal is Signal.RANSOM_DEMANDED]
    if any(w.used for w in told):
        return "demanded"
    return "none" if any(w.why.startswith("negated") for w in told) else "unknown"


def _by_attacker_only(weighed: Sequence[Weighed]) -> bool:
    published = [w.found for w in weighed if w.used and w.found.signal is Signal.DATA_PUBLISHED]
    return bool(published) and all(_by_attacker(f.sentence) for f in published)


def _by_attacker(sentence: Sentence) -> bool:
    """Say whether a sentence rests on the attacker's word or deed alone."""
    if sentence.has("claim"):
        return True
    return sentence.has("gang", "hacker") and not sentence.has("confirmed", "authority")


def _scope(sites: int | None, supplier: bool, region: bool) -> Scope:
    if supplier:
        return Scope.SUPPLIER
    if region:
        return Scope.REGION
    if sites is None:
        return Scope.UNKNOWN
    return Scope.SITE if sites == 1 else Scope.GROUP


def _sites(sentence: Sentence, reading: Reading) -> int | None:
    """Return the number of care sites that a sentence counts."""
    best: int | None = None
    for hit in sentence.of("sites_word"):
        before = reading.lowered[max(sentence.start, hit.start - 40) : hit.start]
        value = _value(before)
        if value is not None and 1 < value <= _SITES_AT_MOST:
            best = max(best or 0, value)
    return best


def _value(before: str) -> int | None:
    found = _NUMBER.search(before)
    while found:
        word = found.group(1)
        if word.isdigit():
            return int(word)
        if word in numbers():
            return numbers()[word]
        found = _NUMBER.search(before, found.start() + len(word))
    cjk = _CJK_NUMBER.search(before)
    if cjk:
        return int(cjk.group(1)) if cjk.group(1).isdigit() else _CJK_DIGITS[cjk.group(1)]
    return None


def _days(sentence: Sentence, reading: Reading) -> int | None:
    best: int | None = None
    for found in _DURATION.finditer(reading.lowered, sentence.start, sentence.end):
        word = found.group(1)
        count = int(word) if word.isdigit() else numbers().get(word)
        before = reading.lowered[max(sentence.start, found.start() - 14) : found.start()]
        if count and word not in _VAGUE and any(cue in before for cue in _FOR):
            best = max(best or 0, count * _DAYS[found.group(2)])
    return best


def _most(values: Iterable[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return max(known) if known else None
