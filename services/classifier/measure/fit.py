"""Fit what the verdict weighs to labelled items: ridge logistic regressions, solved in seconds.

Two fits: the features alone (the rules stand without vectors), and the features together with the sentence
vectors, for what the features leave open. Both are data files that `codegrey evaluate --fit` writes anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.classifier.judge import study
from services.classifier.measure.labelled import Labelled
from services.classifier.verdict import WEIGHTS
from shared.gate import gate

ROWS = Path(__file__).parents[1] / "training" / "rows.npz"
RIDGE = 3.0
VECTOR_SCALE = 10.0
# Beside the features the vectors get a little more room than alone.
_SCALE_BESIDE_FEATURES = 12.0
_BIAS_RIDGE = 0.05
_BORDERLINE_SHARE = 0.33
# Real news outweighs what was written for training.
_OWN_SHARE = 0.1
_SMALLEST = 0.02
_RAREST = 2
_STEPS = 60
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Hold the weights of the features alone, those beside the vectors, and the vectors' mean and direction."""

    alone: dict[str, float]
    beside_vectors: dict[str, float]
    mean: Floats
    direction: Floats


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold what is fitted: for each item that passed the gate its features, vector, label and share.

    No text: this is what ships, so that the fit can be repeated.
    """

    ids: list[str]
    names: list[str]
    matrix: Floats
    labels: Floats
    shares: Floats
    vectors: Floats

    @property
    def penalty(self) -> Floats:
        """Return the ridge of each feature."""
        return np.array([_BIAS_RIDGE if name == "bias" else RIDGE for name in self.names])


def fit(rows: Rows) -> Fitted:
    """Fit the weights of the features, alone and (where the rows have vectors) beside the vectors."""
    alone = logistic(rows.matrix, rows.labels, rows.shares, rows.penalty)
    if not rows.vectors.size:
        return Fitted(_table(rows.names, alone), {}, np.zeros(0), np.zeros(0))
    mean = rows.vectors.mean(axis=0)
    joint = np.hstack([rows.matrix, (rows.vectors - mean) * _SCALE_BESIDE_FEATURES])
    penalty = np.concatenate([rows.penalty, np.ones(rows.vectors.shape[1])])
    solved = logistic(joint, rows.labels, rows.shares, penalty)
    count = len(rows.names)
    return Fitted(
        _table(rows.names, alone), _table(rows.names, solved[:count]), mean, solved[count:] * _SCALE_BESIDE_FEATURES
    )


def write_fit(fitted: Fitted, weights: Path = WEIGHTS, direction: Path | None = None) -> None:
    """Write the fitted numbers as the data files that the verdict and the vectors read."""
    from services.classifier.vectors import DIRECTION

    lines = ["# What each feature weighs in the verdict (log odds). Written by `codegrey evaluate --fit`; do not edit."]
    for name, table in (("weights", fitted.alone), ("beside_vectors", fitted.beside_vectors)):
        ordered = sorted(table.items(), key=lambda w: (-abs(w[1]), w[0]))
        lines += [f"[{name}]", *(f'"{feature}" = {weight:g}' for feature, weight in ordered), ""]
    weights.write_text("\n".join(lines), encoding="utf-8")
    if fitted.direction.size:
        np.savez_compressed(
            direction or DIRECTION,
            mean=fitted.mean.astype(np.float32),
            direction=fitted.direction.astype(np.float32),
        )


def save_rows(rows: Rows, path: Path = ROWS) -> None:
    """Write the rows (ids, features, vectors, labels; no text)."""
    np.savez_compressed(
        path,
        ids=np.array(rows.ids),
        names=np.array(rows.names),
        matrix=np.packbits(rows.matrix.astype(np.uint8), axis=1),
        labels=rows.labels.astype(np.uint8),
        shares=rows.shares.astype(np.float32),
        vectors=np.round(rows.vectors * 127 * 4).clip(-127, 127).astype(np.int8),
    )


def load_rows(path: Path = ROWS) -> Rows:
    """Read the rows that ship."""
    with np.load(path) as stored:
        names = [str(name) for name in stored["names"]]
        return Rows(
            ids=[str(identity) for identity in stored["ids"]],
            names=names,
            matrix=np.unpackbits(stored["matrix"], axis=1)[:, : len(names)].astype(np.float64),
            labels=stored["labels"].astype(np.float64),
            shares=stored["shares"].astype(np.float64),
            vectors=stored["vectors"].astype(np.float64) / (127 * 4),
        )


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


def rows_of(items: Sequence[Labelled], vector_of: Callable[[Labelled], Floats] | None = None) -> Rows:
    """Read items into rows; those that the gate stops are left out, as the judge never sees them."""
    kept = [item for item in items if gate(f"{item.article.title}\n\n{item.article.text}").passed]
    found = [set(study(item.article)[3]) for item in kept]
    counts = Counter(feature for row in found for feature in row)
    names = sorted(name for name, count in counts.items() if count >= _RAREST)
    return Rows(
        ids=[item.article.id for item in kept],
        names=names,
        matrix=np.array([[1.0 if name in row else 0.0 for name in names] for row in found]),
        labels=np.array([float(item.incident) for item in kept]),
        shares=np.array([_share(item) for item in kept]),
        vectors=np.array([vector_of(item) for item in kept] if vector_of else [], dtype=np.float64),
    )


def _share(item: Labelled) -> float:
    if item.article.id.startswith("own-"):
        return _OWN_SHARE
    return _BORDERLINE_SHARE if item.borderline else 1.0


def _table(names: Sequence[str], solved: Floats) -> dict[str, float]:
    return {name: round(float(w), 2) for name, w in zip(names, solved, strict=True) if abs(w) >= _SMALLEST}
