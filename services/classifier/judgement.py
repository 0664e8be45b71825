"""Hold what the judge found, with the words that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from shared.severity import Facts as Grading
from shared.signals import Certainty, Scope, Signal, Status, words

Field = Literal["title", "text"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hold one signal and its quote.

    `start` and `end` count characters in the field named (the article's title or its text, as given), so
    that `text[start:end] == quote`. What is not `used` says in `why` what set it aside.
    """

    signal: Signal
    quote: str
    start: int
    end: int
    field: Field
    used: bool
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in the commands' JSON."""
        return {
            "signal": self.signal.value,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "field": self.field,
            "used": self.used,
            "why": self.why,
            "words": words(self.signal),
        }


_FURTHER = 3


@dataclass(frozen=True, slots=True)
class Victim:
    """Hold who was hit: the name as written, a normalised one, place and country (ISO 3166-1 alpha-2)."""

    name: str
    normalised: str = ""
    place: str | None = None
    country: str | None = None
    why_country: str = ""
    aliases: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def sure_country(self) -> str | None:
        """Return the country, unless it is only guessed from the language."""
        return None if self.guessed else self.country

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in the commands' JSON."""
        return {
            "name": self.name,
            "normalised": self.normalised,
            "place": self.place,
            "country": self.country,
            "why_country": self.why_country,
            "aliases": list(self.aliases),
        }

    def further(self) -> tuple[dict[str, Any], ...]:
        """Return who else the same news tells of as hit, each in the shape of a victim."""
        return tuple(
            Victim(name, " ".join(name.lower().split()), None, self.country, self.why_country).as_dict()
            for name in self.aliases[:_FURTHER]
        )


@dataclass(frozen=True, slots=True)
class Weight:
    """Hold one reason of the verdict: a feature, what it weighed, and the words that showed it."""

    feature: str
    weight: float
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold the verdict on one article with its facts and reasons."""

    id: str
    incident: bool
    outage: bool
    confidence: float
    level: int
    rule: str
    certainty: Certainty
    status: Status
    scope: Scope
    reason: str
    cap: str = ""
    would_be: int | None = None
    impact_unknown: bool = False
    language: str | None = None
    victims: tuple[Victim, ...] = ()
    attack_date: date | None = None
    signals: tuple[Evidence, ...] = ()
    weights: tuple[Weight, ...] = ()
    suppliers: tuple[str, ...] = ()
    attacker: str | None = None
    data_stolen: bool = False
    data_published: bool = False
    ransom: str = "unknown"
    sites: int | None = None
    error: str | None = None
    notes: tuple[str, ...] = field(default=())
    grading: Grading = field(default_factory=Grading)
    """What `shared.severity.grade` was asked beside the signals: the tracker asks it again for the whole incident."""

    @property
    def country(self) -> str | None:
        """Return the first victim's country, which may be a guess."""
        return next((victim.country for victim in self.victims if victim.country), None)

    @property
    def sure_country(self) -> str | None:
        """Return the first victim's country, unless it is only guessed from the language."""
        return next((victim.sure_country for victim in self.victims if victim.sure_country), None)

    def as_dict(self) -> dict[str, Any]:
        """Return it in the shape of `codegrey judge`, and what else is known after that."""
        return {
            "id": self.id,
            "incident": self.incident,
            "outage": self.outage,
            "confidence": round(self.confidence, 4),
            "level": self.level,
            "certainty": self.certainty.value,
            "status": self.status.value,
            "scope": self.scope.value,
            "victims": [told for victim in self.victims for told in (victim.as_dict(), *victim.further())],
            "attack_date": self.attack_date.isoformat() if self.attack_date else None,
            "signals": [evidence.as_dict() for evidence in self.signals],
            "reason": self.reason,
            "error": self.error,
            "rule": self.rule,
            "cap": self.cap,
            "would_be": self.would_be,
            "impact_unknown": self.impact_unknown,
            "language": self.language,
            "suppliers": list(self.suppliers),
            "attacker_claimed": self.attacker,
            "data_stolen": self.data_stolen,
            "data_published": self.data_published,
            "ransom": self.ransom,
            "sites": self.sites,
            "notes": list(self.notes),
        }
