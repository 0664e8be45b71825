"""Say in which place and country a victim is, from its name, the words around it, the page and the language."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.classifier.places.cities import cities_named
from services.classifier.places.countries import countries_named, iso_codes
from services.classifier.places.usage import usage
from services.classifier.places.words import table
from services.classifier.reading import Reading
from services.classifier.victims.choose import Cast
from shared.gate.gate import gate_scanner
from shared.gate.gazetteer import country_of
from shared.gate.scan import lower

# A country that is named says more than a city.
_CITY_SHARE = 0.35
_NOT_AMERICAN = re.compile(
    r"\b(?:Centre|[Pp]aediatric\w*|theatres?|[Oo]rthopaedic\w*|[Aa]naesth\w+|organisation|programme|GPs?)\b"
)
_TRADITIONAL = re.compile("[醫駭們後個與證據報國會請體區為無這還進過]")
# "軟件", "黑客" in traditional characters are written in Hong Kong, "骇客" in simplified ones in Singapore.
_WRITTEN_IN_CHINESE: dict[bool, tuple[tuple[str, re.Pattern[str]], ...]] = {
    True: (("TW", re.compile("駭客|軟體|網路|個資|資安|病患")), ("HK", re.compile("黑客|軟件|網絡|私家|數據"))),
    False: (("SG", re.compile("骇客|网安|诊疗所")),),
}
_FOREIGN_NAME_WEIGHT = 1.2
_LEAD_CHARACTERS = 500
_OUTLET = re.compile(r"\s(?:\||-|–|—)\s([^|–—]{2,40})$")
_OUTLET_WEIGHT = 1.0
_NAME_WEIGHT, _NEAR_WEIGHT, _LEAD_WEIGHT = 6.0, 2.5, 1.0


@dataclass(frozen=True, slots=True)
class Located:
    """Hold a place and a country with what showed it."""

    place: str | None
    country: str | None
    why: str
    guessed: bool = False


def locate(reading: Reading, cast: Cast) -> Located:
    """Locate the main victim: its name speaks first, then its sentences, the lead, the page's address, the language."""
    votes: dict[str, float] = defaultdict(float)
    why: dict[str, str] = {}
    place: str | None = None

    def vote(country: str, weight: float, reason: str) -> None:
        votes[country] += weight
        why.setdefault(country, reason)

    home = _home(reading)
    spoken = tuple(table("spoken_in").get(reading.language or "", "").split()) or ("",)
    names = {m.name for m in cast.victims if m.own & cast.own} or {m.name for m in cast.victims[:1]}
    spans = [(text, _NAME_WEIGHT) for text in sorted(names)]
    near = {m.sentence.index: m.sentence for m in cast.victims if m is cast.victims[0] or m.own & cast.own}
    spans += [(reading.quote(s.start, s.end), _NEAR_WEIGHT) for s in list(near.values())[:4]]
    lead = _lead(reading, cast)
    spans.append((lead, _LEAD_WEIGHT))
    for name in sorted(names):
        known = provider_country(name)
        if known:
            vote(known, _NAME_WEIGHT, f"known provider: {name}")
    for text, weight in spans:
        for country, word in countries_named(text, reading.languages):
            vote(country, weight, f"named: {word}")
        for country, word in cities_named(text, home, spoken):
            vote(country, weight * _CITY_SHARE, f"city: {word}")
            if place is None and weight >= _NEAR_WEIGHT:
                place = word
    for country, weight, reason in (
        *_circumstances(reading),
        *_language_of_name(names, reading),
        *usage(reading),
    ):
        vote(country, weight, reason)
    if not votes:
        return _guess(place, reading)
    best = max(sorted(votes), key=votes.__getitem__)
    return Located(place, best, why[best])


def _lead(reading: Reading, cast: Cast) -> str:
    """Return title and lead without what they tell of another provider's attack before."""
    edge = reading.title_length + _LEAD_CHARACTERS
    told = {m.sentence.index for m in cast.others} - {m.sentence.index for m in cast.victims}
    aside = [s for s in reading.sentences if s.start < edge and s.index in told and s.has("retold", "already")]
    lead = reading.document[:edge]
    for sentence in reversed(aside):
        lead = lead[: sentence.start] + lead[sentence.end :]
    return lead


def _guess(place: str | None, reading: Reading) -> Located:
    """Guess by the language alone, where nothing is told, and say that it is a guess."""
    language = reading.language or ""
    country = table("last_home").get(language)
    if language == "en" and _NOT_AMERICAN.search(reading.document):
        country = None
    if language == "zh":
        traditional = _TRADITIONAL.search(reading.document) is not None
        written = _WRITTEN_IN_CHINESE[traditional]
        first = "TW" if traditional else "CN"
        country = next((code for code, words in written if words.search(reading.document)), first)
    return Located(place, country, f"guessed: written in “{language}”, no place told" if country else "", bool(country))


def provider_country(name: str) -> str | None:
    """Return the country of a provider that the gazetteer knows."""
    return country_of(name)


def _home(reading: Reading) -> str | None:
    found = sorted(_circumstances(reading), key=lambda c: -c[1])
    return found[0][0] if found else None


def _circumstances(reading: Reading) -> list[tuple[str, float, str]]:
    found: list[tuple[str, float, str]] = []
    host = _host(reading.article.url or "")
    top = host.rsplit(".", 1)[-1].upper()
    country = {"UK": "GB"}.get(top, top)
    if len(country) == 2 and country in iso_codes() and country not in {"IO", "AI", "CO", "ME", "TV", "FM", "EU"}:
        found.append((country, 1.6, f"the page's address ends in .{top.lower()}"))
    tail = _OUTLET.search(reading.document[: reading.title_length])
    if tail is not None and (published := table("outlets").get(tail[1].lower().strip())):
        found.append((published, _OUTLET_WEIGHT, f"the headline's outlet: {tail[1]}"))
    for language in reading.languages[:1]:
        home = table("language_home").get(language)
        if home:
            found.append((home, 0.8, f"written in “{language}”"))
    return found


def _language_of_name(names: set[str], reading: Reading) -> list[tuple[str, float, str]]:
    """Return the home of a foreign name's language: a "Medical Center" in a French digest."""
    found: list[tuple[str, float, str]] = []
    for name in sorted(names):
        spoken = {h.language for h in gate_scanner().hits(lower(name), name) if h.concept == "care"}
        # Of languages that share a word the first in the table: "Klinikum" is German before it is Czech.
        language = "en" if "en" in spoken else next((code for code in table("name_home") if code in spoken), "")
        home = table("name_home").get(language)
        if home and not spoken & set(reading.languages):
            found.append((home, _FOREIGN_NAME_WEIGHT, f"the name's language: {name}"))
    return found[:1]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
