"""Decide whether it is an incident: the sum of what the features weigh, and rules that no weight may break."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.classifier.features import CARE, Features
from services.classifier.judgement import Weight
from services.classifier.trades import EVENT

WEIGHTS = Path(__file__).with_name("weights.toml")
# Below the half, since a miss costs more than a false alarm (figures in docs/classifier.md).
THRESHOLD = 0.45
OPEN = (0.25, 0.7)
_SHOWN = 5
_ZONES = ("head", "lead", "body")
_FROM_INSIDE = ("head:exposure", "head:insider", "lead:exposure", "lead:insider")
_FROM_OUTSIDE = ("cyber", "hacker", "gang", "darknet")
_PLAINLY_CYBER = ("cyber", "breach", "hacker", "gang", "darknet", "data", "systems", "outage", "records")
_DATA = ("signal:data_stolen", "signal:data_published")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold the decision, how sure it is, what weighed most and the words that say so."""

    incident: bool
    confidence: float
    weights: tuple[Weight, ...]
    reason: str


def decide(features: Features, leaning: float | None = None) -> Verdict:
    """Decide from the features, and from how the sentence vectors lean, where they were asked.

    Some rules stand above the weights: without any word of an attack it is none, nor with all of them negated,
    nor where the attack itself is told as a drill or as years past (data that is stolen or published is news
    whenever it is told), nor where data is lost or leaked from inside and nobody attacks; and without any word of
    care it is none of care.
    """
    table = weights() if leaning is None else weights("beside_vectors")
    parts = [Weight(name, table[name], quote) for name, quote in features.items() if table.get(name)]
    if leaning is not None:
        parts.append(Weight("vectors", leaning))
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


def is_open(verdict: Verdict) -> bool:
    """Say whether the signals leave it open, so that the vectors are worth asking."""
    low, high = OPEN
    return low < verdict.confidence < high


_Tables = dict[str, dict[str, float]]
_instead: ContextVar[_Tables | None] = ContextVar("weights used instead", default=None)


def weights(table: str = "weights") -> dict[str, float]:
    """Return the fitted weights of the features: alone, or `beside_vectors`."""
    instead = _instead.get()
    return instead[table] if instead is not None else _stored(table)


@contextmanager
def other_weights(tables: _Tables) -> Iterator[None]:
    """Judge by other weights for a while (a fit that is being measured)."""
    token = _instead.set(tables)
    try:
        yield
    finally:
        _instead.reset(token)


@cache
def _stored(table: str) -> dict[str, float]:
    stored = tomllib.loads(WEIGHTS.read_text(encoding="utf-8"))
    return {name: float(weight) for name, weight in stored.get(table, {}).items()}


def _ruled_out(features: Features) -> str | None:
    if "attack:all_negated" in features:
        return f"every word of an attack is negated: “{features['attack:all_negated']}”"
    if "told:drill" in features:
        return f"told as a drill: “{features['told:drill']}”"
    if "told:anniversary" in features and not any(data in features for data in _DATA):
        return f"told as long past: “{features['told:anniversary']}”"
    if "told:care_spared" in features:
        return f"another is attacked, care is spared: “{features['told:care_spared']}”"
    if not any(f"{zone}:{concept}" in features for zone in ("head", "lead") for concept in CARE):
        if "head:mask" in features:
            return f"only looks like care: “{features['head:mask']}”"
        made = next((features[f] for f in ("head:pharma", "head:insurer") if f in features), None)
        if made is not None:
            return f"makes drugs or devices, or insures: “{made}”"
    if "head:physical" in features and not any(f"{zone}:{w}" in features for zone in _ZONES for w in _PLAINLY_CYBER):
        return f"told of bodily harm or theft, nothing of computers: “{features['head:physical']}”"
    judged = next((features[f] for f in ("head:sentence", "head:arrest") if f in features), None)
    if judged is not None and "head:hacker" in features and "signal:care" not in features:
        return f"told of who did it, before the law: “{judged}”"
    inside = next((features[f] for f in _FROM_INSIDE if f in features), None)
    if inside is not None and not any(f"{zone}:{who}" in features for zone in _ZONES for who in _FROM_OUTSIDE):
        return f"lost or leaked from inside, no attacker told: “{inside}”"
    told = any(f"{zone}:{concept}" in features for zone in _ZONES for concept in EVENT)
    if not told and "signal:data_stolen" not in features and "signal:ransom_demanded" not in features:
        return "no word of an attack"
    cares = (*CARE, "health", "part_of_care")
    if not any(f"{zone}:{concept}" in features for zone in _ZONES for concept in cares) and not any(
        f.endswith("event+health") for f in features
    ):
        return "no word of care"
    return None


def _told(part: Weight) -> str:
    sign = "+" if part.weight > 0 else "−"
    quote = f" “{part.quote}”" if part.quote else ""
    return f"{part.feature}{quote} {sign}{abs(part.weight):.1f}"
