"""Choose whose news it is: the care provider that the attack is told of, and the others in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.classifier.reading import Reading, Sentence
from services.classifier.victims.bare import bare_name
from services.classifier.victims.beside import customer_that_tells, short_and_long, subsidiary_before
from services.classifier.victims.edges import only_and
from services.classifier.victims.generic import begins_a_sentence_only, is_generic, without_places
from services.classifier.victims.naming import Mention
from services.classifier.victims.notices import publisher_that_tells
from services.classifier.victims.opening import that_opens, that_speaks
from services.classifier.victims.retelling import in_an_earlier_year, looks_back_at, told_of
from shared.gate.gazetteer import also_called
from shared.gate.scan import unspaced

_LEAD_CHARACTERS = 500
# "NHS blood tests cancelled": whole systems, of which the text names the part that was hit, and at once.
_SYSTEMS = frozenset(
    {"nhs", "nhs england", "nhs scotland", "nhs wales", "sus", "sns", "medicare", "health service", "hse"}
)
_AT_ONCE = 6
# Who speaks of an attack is seldom who was hit.
_SPEAKERS = ("minist", "department of", "health min", "gesundheitsmin", "secretar", "厚生労働省", "卫生部", "衛福部")
_EVENT = ("cyber", "breach", "hacked", "hacker", "gang", "outage")


@dataclass(frozen=True, slots=True)
class Cast:
    """Hold who plays a part: the main victim's mentions, the words that are its own, all other mentions."""

    victims: tuple[Mention, ...]
    own: frozenset[str]
    others: tuple[Mention, ...]
    aliases: tuple[str, ...] = ()

    def names(self, text: str) -> bool:
        """Say whether a piece of text (in lower case) names the main victim."""
        return any(_begins_a_word(word, text) for word in self.own if len(word) > 2)


def _begins_a_word(word: str, text: str) -> bool:
    """Say whether a word stands in a text, at its beginning or behind what is no letter or digit."""
    place = text.find(word)
    while place > 0 and (text[place - 1].isalnum() or text[place - 1] == "_"):
        place = text.find(word, place + 1)
    return place >= 0


def choose_victims(mentions: Sequence[Mention], reading: Reading) -> Cast:
    """Choose the main victim: the best placed name beside the event, and every mention that shares its words.

    Title and lead count most, then standing in one sentence with the event, then being told often; a sentence
    that looks back ("the attack on X last year") counts against.
    """
    if not mentions:
        stated = bare_name(reading) or publisher_that_tells(reading)
        return Cast((stated,) if stated else (), stated.own if stated else frozenset(), ())
    scored = sorted(((_score(m, mentions, reading), -m.start, i) for i, m in enumerate(mentions)), reverse=True)
    main = _rather_named(mentions[scored[0][2]], mentions, reading)
    main = _part_of_a_system(main, mentions, reading) or main
    if (firm := _firm_that_speaks(main, reading)) is not None:
        return Cast((firm,), firm.own, tuple(mentions))
    main = customer_that_tells(main, list(mentions), reading) or main
    if (subsidiary := subsidiary_before(main, reading)) is not None:
        others = [m for m in mentions if m.start >= subsidiary.end]
        return Cast((subsidiary,), subsidiary.own, tuple(others), short_and_long(subsidiary, reading))
    same = [m for m in mentions if m is main or (m.own & main.own) or not m.specific or _heads_it(m)]
    others = [m for m in mentions if m not in same]
    aliases = [m for m in others if _same_news(m) or (m.specific and only_and(reading.document, main.end, m.start))]
    others = [m for m in others if m not in aliases]
    own = main.own.union(*(m.own for m in aliases)) if aliases else main.own
    if is_generic(main):
        # "Dental chain SmileHarbor hacked": the name stands beside the word for care.
        stated = bare_name(reading)
        if stated is not None:
            return Cast((stated, *same), stated.own, tuple(others))
    best = _fullest([m for m in same if m.specific and m.own & main.own] or [main], main)
    beside = [name for m in same if m.specific and m.own & main.own for name in short_and_long(m, reading)]
    known = also_called(best.name)
    latin = (*((known,) if known else ()), *_in_latin(best.name))
    names = tuple(dict.fromkeys((*latin, *without_places(best.name), *beside, *(m.name for m in aliases))))
    return Cast((best, *(m for m in same if m is not best)), own, tuple(others), names)


def _firm_that_speaks(main: Mention, reading: Reading) -> Mention | None:
    """Return the firm that the text begins with, where the title tells of a supplier and names nobody."""
    title = [s for s in reading.sentences if s.title]
    if main.supplier or (main.sentence.title and not _says_little(main, reading)) or not title:
        return None
    lead = next((s for s in reading.sentences if not s.title), None)
    if lead is None or _opens(main, lead):
        return None
    if any(s.has("vendor_word") for s in title):
        return that_speaks(reading, lead)
    return that_opens(reading, lead) if main.sentence.title else None


def _says_little(main: Mention, reading: Reading) -> bool:
    """Say whether a mention in the title names nobody: "Tennessee Hospital", "Charity hospice loses data"."""
    return is_generic(main) or begins_a_sentence_only(main, reading)


def _heads_it(mention: Mention) -> bool:
    """Say whether the title only says where or what kind the victim is: the one that the text names."""
    return mention.sentence.title and is_generic(mention)


def _in_latin(name: str) -> tuple[str, ...]:
    """Return what a name in another script holds in Latin letters: the "AMEOS" of a Japanese report."""
    if name.isascii() or not any(unspaced(char) for char in name):
        return ()
    return tuple(found for found in re.findall(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ' -]{2,}", name) if found.strip())


def _score(mention: Mention, mentions: Sequence[Mention], reading: Reading) -> float:
    sentence = mention.sentence
    score = 3.0 if sentence.title else 0.0
    score += 2.0 if mention.start < reading.title_length + _LEAD_CHARACTERS else 0.0
    score += 2.5 if sentence.has(*_EVENT) else 0.0
    score += 1.0 if sentence.has("victim_of") else 0.0
    score += 4.0 if mention.specific else 0.0
    score += 0.5 if mention.listed else 0.0
    score -= 3.5 if told_of(mention, "retold", mentions, reading) else 0.0
    score -= 1.5 if told_of(mention, "already", mentions, reading) else 0.0
    score -= 4.0 if any(word in mention.name.lower() for word in _SPEAKERS) else 0.0
    score -= 4.0 if looks_back_at(mention, reading) else 0.0
    score -= 1.5 if in_an_earlier_year(mention, reading) else 0.0
    score -= 1.0 if mention.name.lower() in _SYSTEMS else 0.0
    alike = sum(1 for other in mentions if other.own & mention.own)
    return score + min(alike, 4) * 0.4


def _same_news(mention: Mention) -> bool:
    """Say whether another name is told as hit in the same news (an alias or a further victim)."""
    sentence = mention.sentence
    told_as_hit = sentence.has(*_EVENT) and sentence.has("victim_of")
    return mention.specific and told_as_hit and not sentence.has("retold", "already")


def _rather_named(main: Mention, mentions: Sequence[Mention], reading: Reading) -> Mention:
    """Prefer the provider that the lead names to "Tennessee Hospital" in the title, which says only where it is."""
    if not _says_little(main, reading):
        return main
    edge = reading.title_length + _LEAD_CHARACTERS
    named = [
        mention
        for mention in mentions
        if mention.start < edge
        and mention.sentence.index <= main.sentence.index + 2
        and not is_generic(mention)
        and (not mention.sentence.has("retold", "already") or mention.sentence.index == main.sentence.index + 1)
        and not any(word in mention.name.lower() for word in _SPEAKERS)
        and not looks_back_at(mention, reading)
        and not in_an_earlier_year(mention, reading)
    ]
    lead = next((s for s in reading.sentences if not s.title), None)
    return max(named, key=lambda m: (_opens(m, lead), m.sentence.has(*_EVENT), -m.start)) if named else main


def _opens(mention: Mention, lead: Sentence | None) -> bool:
    """Say whether the text opens with a name, and not with one that speaks of others."""
    return mention.sentence is lead and mention.start - mention.sentence.start <= _AT_ONCE


def _part_of_a_system(main: Mention, mentions: Sequence[Mention], reading: Reading) -> Mention | None:
    """Return the provider that the text begins with, where the title names only its country's health system."""
    if not main.sentence.title or main.name.lower() not in _SYSTEMS:
        return None
    lead = next((s for s in reading.sentences if not s.title), None)
    first = next((m for m in mentions if m.sentence is lead and m.start - m.sentence.start <= _AT_ONCE), None)
    told = first is not None and first.specific and first.name.lower() not in _SYSTEMS
    return first if told and not any(word in first.name.lower() for word in _SPEAKERS) else None  # type: ignore[union-attr]


def _fullest(mentions: Sequence[Mention], main: Mention) -> Mention:
    """Prefer the fullest name that keeps all the main mention's own words."""
    full = [m for m in mentions if main.own <= m.own and len(m.name) <= 80]
    return max(full, key=lambda m: (len(m.own), len(m.name), -m.start)) if full else main
