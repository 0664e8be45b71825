"""Invented attacks with known answers: each names another hospital, so each must become one alert."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape

from rapidfuzz import fuzz, process

_NEXT = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_SYLLABLES = 4
_ALIKE = 62.0
"""Names more alike than this (of 100) might be taken for two spellings of one place, and rightly so."""


@dataclass(frozen=True)
class Attack:
    """One item of the feed, and the words by which its alert is known."""

    number: int
    town: str
    published: datetime

    @property
    def hospital(self) -> str:
        """Return the victim's name."""
        return f"{self.town} General Hospital"

    @property
    def title(self) -> str:
        """Return the headline."""
        return f"Cyberattack on {self.hospital}: emergency department closed"

    def entry(self) -> str:
        """Return it as an RSS item."""
        text = (
            f"{self.hospital} confirmed on Monday that ransomware has encrypted its servers. "
            "The emergency department is closed and ambulances are diverted to other hospitals. "
            "Staff work with pen and paper, the hospital said in a statement."
        )
        return (
            f"<item><guid isPermaLink='false'>attack-{self.number}</guid><title>{escape(self.title)}</title>"
            f"<link>http://news.example/attack-{self.number}</link><description>{escape(text)}</description>"
            f"<pubDate>{self.published:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        )


@cache
def towns(seed: int, count: int = 1_200) -> list[str]:
    """Return invented towns that nobody could take for each other, in an order that the seed decides."""
    chance = random.Random(seed)
    names: list[str] = []
    while len(names) < count:
        letters = [chance.choice(_NEXT) + chance.choice(_VOWELS) for _ in range(_SYLLABLES)]
        name = "".join(letters) + chance.choice(_NEXT)
        if not process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=_ALIKE):
            names.append(name)
    return [name.capitalize() for name in names]


def make_attack(number: int, names: list[str]) -> Attack:
    """Return attack `number` as published now."""
    return Attack(number, names[number], datetime.now(UTC).replace(microsecond=0))
