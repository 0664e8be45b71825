"""Measure the judge on labelled items: precision, recall, F1 with their uncertainty, severity, victim, country."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from services.classifier.judgement import Judgement
from services.classifier.measure.labelled import Labelled

SEVERITIES = {"low": 1, "medium": 2, "high": 3, "critical": 4}
NAME_ALIKE = 60
LENGTHS = ((280, "1 to 280 characters"), (1500, "281 to 1,500"))
LONGEST = "more than 1,500"
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold an item with its verdict."""

    item: Labelled
    judgement: Judgement


@dataclass(slots=True)
class Counts:
    """Count hits and errors."""

    right: int = 0
    false_alarm: int = 0
    missed: int = 0
    rejected: int = 0

    def add(self, judged: Judged) -> None:
        """Count one item."""
        said, true = judged.judgement.incident, judged.item.incident
        self.right += said and true
        self.false_alarm += said and not true
        self.missed += true and not said
        self.rejected += not said and not true

    @property
    def precision(self) -> float:
        """Return how many of the alarms are right."""
        return _ratio(self.right, self.right + self.false_alarm)

    @property
    def recall(self) -> float:
        """Return how many of the incidents are found."""
        return _ratio(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return _ratio(2 * self.right, 2 * self.right + self.false_alarm + self.missed)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures with 95 % intervals (Wilson)."""
        return {
            "items": self.right + self.false_alarm + self.missed + self.rejected,
            "incidents": self.right + self.missed,
            "false_alarms": self.false_alarm,
            "missed": self.missed,
            "precision": round(self.precision, 4),
            "precision_interval": wilson(self.right, self.right + self.false_alarm),
            "recall": round(self.recall, 4),
            "recall_interval": wilson(self.right, self.right + self.missed),
            "f1": round(self.f1, 4),
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold all figures of a run and its errors."""

    total: Counts
    with_borderline: Counts
    groups: dict[str, dict[str, Counts]]
    kappa: float | None
    severity_items: int
    victim: tuple[int, int]
    country: tuple[int, int]
    calibration: list[tuple[float, float, int]]
    confusion: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many incidents of a true severity (1 to 4) were given which, by (true, said)."""
    errors: list[Judged] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as data."""
        return {
            "total": self.total.as_dict(),
            "with_borderline": self.with_borderline.as_dict(),
            "severity_kappa": None if self.kappa is None else round(self.kappa, 4),
            "severity_items": self.severity_items,
            "victim_right": _share(self.victim),
            "country_right": _share(self.country),
            "confusion": [
                {"true": true, "said": said, "items": n} for (true, said), n in sorted(self.confusion.items())
            ],
            "calibration": [{"said": said, "was": was, "items": n} for said, was, n in self.calibration],
            "groups": {
                name: {key: counts.as_dict() for key, counts in sorted(of.items())} for name, of in self.groups.items()
            },
            "errors": [
                {
                    "id": e.item.article.id,
                    "lang": e.item.article.lang,
                    "kind": e.item.kind,
                    "error": "missed" if e.item.incident else "false alarm",
                    "confidence": round(e.judgement.confidence, 3),
                    "reason": e.judgement.reason,
                }
                for e in self.errors
            ],
        }


def measure(judged: Sequence[Judged]) -> Measured:
    """Measure verdicts; borderline items count in their own figure only."""
    clear = [j for j in judged if not j.item.borderline and j.item.title_decides]
    groups: dict[str, Callable[[Judged], str]] = {
        "language": lambda j: j.item.article.lang or "?",
        "english": lambda j: "en" if j.item.article.lang == "en" else "not en",
        "text_kind": lambda j: j.item.text_kind or "?",
        "length": lambda j: length_of(j.item),
        "kind": lambda j: j.item.kind or "?",
    }
    graded = [
        (SEVERITIES[j.item.severity], max(1, min(4, j.judgement.level)))
        for j in clear
        if j.item.severity in SEVERITIES and not j.item.severity_ambiguous and j.judgement.incident
    ]
    found = [j for j in clear if j.item.incident and j.judgement.incident]
    named = [j for j in found if j.item.victim]
    placed = [j for j in found if j.item.country]
    return Measured(
        total=_count(clear),
        with_borderline=_count(judged),
        groups={name: _grouped(clear, key) for name, key in groups.items()},
        kappa=weighted_kappa(graded, 1, 4) if graded else None,
        severity_items=len(graded),
        victim=(sum(victim_right(j) for j in named), len(named)),
        country=(sum(j.judgement.country == j.item.country for j in placed), len(placed)),
        calibration=_calibration(clear),
        confusion=dict(Counter(graded)),
        errors=[j for j in clear if j.judgement.incident != j.item.incident],
    )


def by_language(judged: Mapping[str, Measured]) -> list[tuple[str, int, list[str]]]:
    """Return for each language with incidents its name, how many, and the F1 of each who judged."""
    first = next(iter(judged.values())).groups["language"]
    incidents = {language: of.right + of.missed for language, of in first.items()}
    return [
        (language, count, [f"{one.groups['language'][language].f1:.2f}" for one in judged.values()])
        for language, count in sorted(incidents.items(), key=lambda of: (-of[1], of[0]))
        if count
    ]


def length_of(item: Labelled) -> str:
    """Name the class of a text's length, so that the names sort by length."""
    length = len(item.article.text)
    if not length:
        return "0 (title only)"
    return next((name for most, name in LENGTHS if length <= most), LONGEST)


def victim_right(judged: Judged) -> bool:
    """Say whether a victim found is the one that the label names, by its words (marks between them do not count)."""
    wanted = judged.item.victim or ""
    for victim in judged.judgement.victims:
        names = (victim.name, *victim.aliases)
        if any(fuzz.token_set_ratio(name, wanted, processor=default_process) >= NAME_ALIKE for name in names):
            return True
    return False


def weighted_kappa(pairs: Sequence[tuple[int, int]], lowest: int, highest: int) -> float:
    """Return the quadratic-weighted kappa of (true, said) pairs on a scale."""
    observed = Counter(pairs)
    true, said = Counter(t for t, _ in pairs), Counter(s for _, s in pairs)
    scale = range(lowest, highest + 1)
    apart = sum(observed[t, s] * (t - s) ** 2 for t in scale for s in scale)
    by_chance = sum(true[t] * said[s] * (t - s) ** 2 for t in scale for s in scale) / len(pairs)
    return 1 - apart / by_chance if by_chance else 1.0


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson)."""
    if not of:
        return 0.0, 1.0
    share = right / of
    centre = share + _Z**2 / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    below = 1 + _Z**2 / of
    return round((centre - spread) / below, 4), round((centre + spread) / below, 4)


def _count(judged: Iterable[Judged]) -> Counts:
    counts = Counts()
    for one in judged:
        counts.add(one)
    return counts


def _grouped(judged: Iterable[Judged], key: Callable[[Judged], str]) -> dict[str, Counts]:
    groups: dict[str, Counts] = defaultdict(Counts)
    for one in judged:
        groups[key(one)].add(one)
    return groups


def _calibration(judged: Iterable[Judged]) -> list[tuple[float, float, int]]:
    """Return, for each tenth of confidence that was said, the mean said, the share that was true, how many."""
    tenths: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        tenths[min(9, int(one.judgement.confidence * 10))].append(one)
    return [
        (
            round(sum(j.judgement.confidence for j in of) / len(of), 3),
            round(sum(j.item.incident for j in of) / len(of), 3),
            len(of),
        )
        for _, of in sorted(tenths.items())
    ]


def _share(counted: tuple[int, int]) -> dict[str, Any]:
    right, of = counted
    return {"right": right, "of": of, "share": round(_ratio(right, of), 4), "interval": wilson(right, of)}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
