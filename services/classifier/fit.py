"""Fit the weights of the features to labelled items: a logistic regression that prefers small weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.classifier.judge import study
from services.classifier.labelled import Labelled
from services.classifier.verdict import WEIGHTS
from shared.gate import gate

RIDGE = 1.0
_SMALLEST = 0.02
_RAREST = 2
_STEPS = 60
Floats = npt.NDArray[np.float64]


def fit(items: Sequence[Labelled], *, ridge: float = RIDGE) -> dict[str, float]:
    """Fit the weights; borderline items count a third, items that the gate stops are left out."""
    rows: list[set[str]] = []
    labels: list[float] = []
    shares: list[float] = []
    for item in items:
        article = item.article
        if not gate(f"{article.title}\n\n{article.text}").passed:
            continue
        rows.append(set(study(article)[3]))
        labels.append(float(item.incident))
        shares.append(0.33 if item.borderline else 1.0)
    counts = Counter(feature for row in rows for feature in row)
    names = sorted(name for name, count in counts.items() if count >= _RAREST)
    matrix = np.array([[1.0 if name in row else 0.0 for name in names] for row in rows])
    penalty = np.array([0.05 if name == "bias" else ridge for name in names])
    solved = logistic(matrix, np.array(labels), np.array(shares), penalty)
    return {name: round(float(w), 2) for name, w in zip(names, solved, strict=True) if abs(w) >= _SMALLEST}


def logistic(matrix: Floats, labels: Floats, shares: Floats, penalty: Floats) -> Floats:
    """Solve a ridge logistic regression by Newton's method."""
    weights = np.zeros(matrix.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))
        gradient = matrix.T @ (shares * (chance - labels)) + penalty * weights
        curve = (matrix.T * (shares * chance * (1 - chance) + 1e-9)) @ matrix + np.diag(penalty)
        step = np.linalg.solve(curve, gradient)
        weights -= step
        if float(np.abs(step).max()) < 1e-6:
            break
    return np.asarray(weights, dtype=np.float64)


def write_weights(weights: dict[str, float], path: Path = WEIGHTS) -> None:
    """Write the weights as the data file that the verdict reads."""
    lines = [
        "# What each feature weighs in the verdict (log odds). Written by `codegrey evaluate --fit`; do not edit.",
        "[weights]",
        *(f'"{name}" = {weight:g}' for name, weight in sorted(weights.items(), key=lambda w: (-abs(w[1]), w[0]))),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
