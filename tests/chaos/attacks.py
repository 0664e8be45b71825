"""Invented attacks with known answers: each names another hospital, so each must become one alert."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

_STARTS = ("Val", "Tor", "Bel", "Kar", "Mon", "Dor", "Fel", "Gran", "Hol", "Lor", "Nor", "Quin", "Ros", "Sel", "Wes")
_MIDDLES = ("amo", "eri", "iva", "ondo", "urra", "ethi", "aggo", "oxi", "imbe", "ulpa", "yro", "azze", "ockle", "enfu")
_ENDS = ("ray", "vik", "nez", "ford", "stad", "lund", "burg", "mont", "tova", "gorsk", "quay", "pool", "wick", "zell")


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


def towns(seed: int) -> list[str]:
    """Return every invented town, each once, in an order that the seed decides."""
    names = [start + middle + end for start in _STARTS for middle in _MIDDLES for end in _ENDS]
    random.Random(seed).shuffle(names)
    return names


def make_attack(number: int, names: list[str]) -> Attack:
    """Return attack `number` as published now."""
    return Attack(number, names[number], datetime.now(UTC).replace(microsecond=0))
