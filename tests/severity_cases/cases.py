"""Read the known attacks: their reports in our own words, and the level expected of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("attacks.toml")


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one report of a known attack and the level that the severity table gives it."""

    attack: str
    year: int
    when: str
    level: int
    lang: str
    title: str
    text: str
    why: str

    @property
    def name(self) -> str:
        """Return a name for the test's list."""
        return f"{self.attack}, {self.when}"


def read_cases(path: Path = FILE) -> Iterator[Case]:
    """Read every report of every attack, in order."""
    for attack in tomllib.loads(path.read_text(encoding="utf-8"))["attack"]:
        for report in attack["reports"]:
            yield Case(attack=attack["name"], year=attack["year"], **report)
