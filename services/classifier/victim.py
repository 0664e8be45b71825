"""Choose whose news it is: the care provider that the attack is told of, and the others in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.classifier.bare_names import bare_name
from services.classifier.generic_names import is_generic, without_places
from services.classifier.name_beside import customer_that_tells, short_and_long, subsidiary_before
from services.classifier.naming import Mention
from services.classifier.reading import Reading
from shared.gate.scan import unspaced

_LEAD_CHARACTERS = 500
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
        stated = bare_name(reading)
        return Cast((stated,) if stated else (), stated.own if stated else frozenset(), ())
    scored = sorted(((_score(m, mentions, reading), -m.start, i) for i, m in enumerate(mentions)), reverse=True)
    main = _rather_named(mentions[scored[0][2]], mentions, reading)
    main = customer_that_tells(main, list(mentions), reading) or main
    if (subsidiary := subsidiary_before(main, reading)) is not None:
        others = [m for m in mentions if m.start >= subsidiary.end]
        return Cast((subsidiary,), subsidiary.own, tuple(others), short_and_long(subsidiary, reading))
    same = [m for m in mentions if m is main or (m.own & main.own) or not m.specific or _heads_it(m)]
    others = [m for m in mentions if m not in same]
    aliases = [m for m in others if _same_news(m)]
    others = [m for m in others if m not in aliases]
    own = main.own.union(*(m.own for m in aliases)) if aliases else main.own
    if is_generic(main):
        # "Dental chain SmileHarbor hacked": the name stands beside the word for care.
        stated = bare_name(reading)
        if stated is not None:
            return Cast((stated, *same), stated.own, tuple(others))
    best = _fullest([m for m in same if m.specific and m.own & main.own] or [main], main)
    beside = [name for m in same if m.specific and m.own & main.own for name in short_and_long(m, reading)]
    names = tuple(
        dict.fromkeys((*_in_latin(best.name), *without_places(best.name), *beside, *(m.name for m in aliases)))
    )
    return Cast((best, *(m for m in same if m is not best)), own, tuple(others), names)


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
    score -= 3.5 if sentence.has("retold") else 0.0
    score -= 1.5 if sentence.has("already") else 0.0
    score -= 4.0 if any(word in mention.name.lower() for word in _SPEAKERS) else 0.0
    alike = sum(1 for other in mentions if other.own & mention.own)
    return score + min(alike, 4) * 0.4


def _same_news(mention: Mention) -> bool:
    """Say whether another name is told as hit in the same news (an alias or a further victim)."""
    sentence = mention.sentence
    told_as_hit = sentence.has(*_EVENT) and sentence.has("victim_of")
    return mention.specific and told_as_hit and not sentence.has("retold", "already")


def _rather_named(main: Mention, mentions: Sequence[Mention], reading: Reading) -> Mention:
    """Prefer the provider that the lead names to "Tennessee Hospital" in the title, which says only where it is."""
    if not is_generic(main):
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
    ]
    return max(named, key=lambda m: (m.sentence.has(*_EVENT), -m.start)) if named else main


def _fullest(mentions: Sequence[Mention], main: Mention) -> Mention:
    """Prefer the fullest name that keeps all the main mention's own words."""
    full = [m for m in mentions if main.own <= m.own and len(m.name) <= 80]
    return max(full, key=lambda m: (len(m.own), len(m.name), -m.start)) if full else main
