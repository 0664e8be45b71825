"""Decide whether it is an incident: the sum of what the features weigh, and rules that no weight may break."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.classifier.features import CARE, EVENT, Features
from services.classifier.judgement import Weight

WEIGHTS = Path(__file__).with_name("weights.toml")
THRESHOLD = 0.5
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold the decision, how sure it is, what weighed most and the words that say so."""

    incident: bool
    confidence: float
    weights: tuple[Weight, ...]
    reason: str


def decide(features: Features, extra: Iterable[Weight] = ()) -> Verdict:
    """Decide from the features; `extra` are reasons from elsewhere (sentence vectors), where they are asked.

    Two rules stand above the weights: without any word of an attack it is none, and without any word of care
    it is none of care.
    """
    table = weights()
    parts = [Weight(name, table[name], quote) for name, quote in features.items() if table.get(name)]
    parts += list(extra)
    score = sum(part.weight for part in parts)
    confidence = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
    ruled = _ruled_out(features)
    if ruled:
        return Verdict(False, min(confidence, 0.05), tuple(parts), ruled)
    incident = confidence >= THRESHOLD
    side = [p for p in parts if (p.weight > 0) == incident and p.feature != "bias"]
    told = "; ".join(_told(part) for part in sorted(side, key=lambda p: -abs(p.weight))[:_SHOWN])
    verdict = "an attack on care is the item's own news" if incident else "not an incident of care"
    return Verdict(incident, confidence, tuple(parts), f"{verdict} ({told})" if told else verdict)


@cache
def weights() -> dict[str, float]:
    """Return the fitted weights of the features."""
    return {k: float(v) for k, v in tomllib.loads(WEIGHTS.read_text(encoding="utf-8"))["weights"].items()}


def _ruled_out(features: Features) -> str | None:
    if not any(f"{zone}:{concept}" in features for zone in ("head", "lead", "body") for concept in EVENT):
        return "no word of an attack"
    cares = (*CARE, "health")
    if not any(f"{zone}:{concept}" in features for zone in ("head", "lead", "body") for concept in cares) and not any(
        f.endswith("event+health") for f in features
    ):
        return "no word of care"
    return None


def _told(part: Weight) -> str:
    sign = "+" if part.weight > 0 else "−"
    quote = f" “{part.quote}”" if part.quote else ""
    return f"{part.feature}{quote} {sign}{abs(part.weight):.1f}"
