"""Fit a logistic regression to TF-IDF of words and character n-grams: hashed, sparse, in numpy alone."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BUCKETS = 1 << 16
_RIDGE = 0.05
_STEPS = 200
_LONGEST = 4000
_WORD = re.compile(r"\w+")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Hold rows of a sparse matrix: for each value its row and its column."""

    rows: Ints
    columns: Ints
    values: Floats
    count: int

    def times(self, weights: Floats) -> Floats:
        """Return each row's product with the weights."""
        return np.bincount(self.rows, self.values * weights[self.columns], minlength=self.count).astype(np.float64)

    def transposed_times(self, errors: Floats) -> Floats:
        """Return each column's product with the rows' errors."""
        return np.bincount(self.columns, self.values * errors[self.rows], minlength=BUCKETS).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Tfidf:
    """Hold what was fitted: how rare each bucket is, the weights, the bias."""

    rarity: Floats
    weights: Floats
    bias: float

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Floats, shares: Floats | None = None) -> Tfidf:
        """Fit to texts and their labels (1 an incident) by accelerated gradient descent; repeatable.

        `shares` say how much each text counts; they must be one in the mean.
        """
        counted = [Counter(grams(text)) for text in texts]
        seen = Counter(bucket for counts in counted for bucket in counts)
        rarity = np.full(BUCKETS, np.log(1 + len(texts)) + 1)
        for bucket, count in seen.items():
            rarity[bucket] = np.log((1 + len(texts)) / (1 + count)) + 1
        matrix = _matrix(counted, rarity)
        weights, bias = _descend(matrix, labels, np.ones(len(texts)) if shares is None else shares)
        return cls(rarity, weights, bias)

    def score(self, texts: Sequence[str]) -> Floats:
        """Return each text's log odds."""
        return _matrix([Counter(grams(text)) for text in texts], self.rarity).times(self.weights) + self.bias


def grams(text: str) -> Iterator[int]:
    """Yield the buckets of a text's words, pairs of words, and runs of two to four characters within words."""
    before = ""
    for word in _WORD.findall(text[:_LONGEST].lower()):
        yield _bucket(f"w {word}")
        yield _bucket(f"p {before} {word}")
        before = word
        padded = f" {word} "
        for length in (2, 3, 4):
            for start in range(len(padded) - length + 1):
                yield _bucket(padded[start : start + length])


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS


def _matrix(counted: Sequence[Counter[int]], rarity: Floats) -> Sparse:
    """Weigh counts by log and rarity, each row of length one."""
    rows, columns, values = [], [], []
    for row, counts in enumerate(counted):
        held = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        weighed = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))) * rarity[held]
        rows.append(np.full(len(counts), row, dtype=np.int64))
        columns.append(held)
        values.append(weighed / (np.linalg.norm(weighed) or 1.0))
    if not counted:
        return Sparse(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0)
    return Sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), len(counted))


def _descend(matrix: Sparse, labels: Floats, shares: Floats) -> tuple[Floats, float]:
    """Solve by Nesterov's method; rows of length one and a bias bound the curvature by half their number."""
    step = 1 / (matrix.count / 2 + _RIDGE)
    weights, ahead = np.zeros(BUCKETS), np.zeros(BUCKETS)
    bias = bias_ahead = 0.0
    for number in range(_STEPS):
        errors = shares * (1 / (1 + np.exp(-np.clip(matrix.times(ahead) + bias_ahead, -30, 30))) - labels)
        moved = ahead - step * (matrix.transposed_times(errors) + _RIDGE * ahead)
        bias_moved = bias_ahead - step * float(errors.sum())
        push = number / (number + 3)
        ahead, bias_ahead = moved + push * (moved - weights), bias_moved + push * (bias_moved - bias)
        weights, bias = moved, bias_moved
    return weights, bias
