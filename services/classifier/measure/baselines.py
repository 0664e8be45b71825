"""Judge by what others would do: a news alert's keyword query, plain sentence vectors, TF-IDF of words.

The judge must stand ahead of these in the same table (`codegrey evaluate FILE --baselines`). The two that learn are
cross-fitted in five parts, which part by the attack: each fifth is judged by a fit to the other four, so that no item
is judged by a fit that saw it or another report of the same attack. (The judge's own `--cross` fits to a half only.)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from services.classifier.judge import gated_out
from services.classifier.measure.figures import Judged
from services.classifier.measure.fit import VECTOR_SCALE, logistic
from services.classifier.measure.labelled import Labelled
from services.classifier.measure.tfidf import Tfidf

Floats = npt.NDArray[np.float64]
VectorOf = Callable[[Labelled], Floats]

FOLDS = 5

# What people type into a news alert: an attack's common words and care's, in the larger languages.
_ATTACK = re.compile(
    r"cyber ?-?attack|cyber ?-?incident|ransomware|\bhack(ed|ers?|ing)\b|data breach|malware|"
    r"cyberattaque|rançongiciel|pirat(age|é|es?) informatique|hacker|cyberangriff|ciberataque|ataque informático|"
    r"attacco (hacker|informatico)|ataque (hacker|cibernético)|cyberaanval|cyberatak|kybernetick|kyberhyökkäys|"
    r"cyberangreb|dataangrep|хакер|кибератак|サイバー攻撃|ランサムウェア|不正アクセス|黑客|駭客|网络攻击|勒索",
    re.IGNORECASE,
)
_CARE = re.compile(
    r"hospital|\bclinics?\b|health ?(care|system|service)|medical cent|patients?\b|hôpita|\bchu\b|clinique|"
    r"krankenh|klinik|clínica|ospedal|\basl\b|clinica|ziekenhui|szpital|nemocnic|sjukhus|sygehus|sykehus|"
    r"sairaala|больниц|клиник|лікарн|病院|クリニック|医院|醫院|诊所|診所",
    re.IGNORECASE,
)


def by_query(items: Sequence[Labelled]) -> list[Judged]:
    """Judge by a boolean query: a word of attack AND a word of care, anywhere in title or text."""
    verdicts = []
    for item in items:
        told = f"{item.article.title}\n{item.article.text}"
        attack, care = _ATTACK.search(told), _CARE.search(told)
        found = f"“{attack[0]}” and “{care[0]}”" if attack and care else "the query does not match"
        verdicts.append(_judged(item, float(bool(attack and care)), found))
    return verdicts


def by_vectors(items: Sequence[Labelled], vector_of: VectorOf) -> list[Judged]:
    """Judge by mean-centred sentence vectors of title and lead with a plain logistic regression."""
    matrix = np.array([vector_of(item) for item in items])

    def chances(train: Sequence[int], test: Sequence[int]) -> Floats:
        mean = matrix[train].mean(axis=0)
        rows = np.hstack([(matrix - mean) * VECTOR_SCALE, np.ones((len(items), 1))])
        penalty = np.concatenate([np.ones(matrix.shape[1]), [0.01]])
        labels = _labels(items, train)
        weights = logistic(rows[train], labels, _balanced(labels), penalty)
        return _chance(rows[test] @ weights)

    return _cross_fitted(items, chances, "sentence vectors and a regression")


def by_tfidf(items: Sequence[Labelled]) -> list[Judged]:
    """Judge by TF-IDF of words and of the characters within them, hashed, with a logistic regression."""
    told = [f"{item.article.title}\n{item.article.text}" for item in items]

    def chances(train: Sequence[int], test: Sequence[int]) -> Floats:
        labels = _labels(items, train)
        fitted = Tfidf.fit([told[i] for i in train], labels, _balanced(labels))
        return _chance(fitted.score([told[i] for i in test]))

    return _cross_fitted(items, chances, "TF-IDF and a regression")


def _cross_fitted(
    items: Sequence[Labelled], chances: Callable[[Sequence[int], Sequence[int]], Floats], name: str
) -> list[Judged]:
    """Judge each fifth by a fit to the others; borderline items teach nothing."""
    said = np.zeros(len(items))
    folds = [fold_of(item) for item in items]
    for fold in range(FOLDS):
        test = [i for i in range(len(items)) if folds[i] == fold]
        train = [i for i, item in enumerate(items) if folds[i] != fold and not item.borderline and item.title_decides]
        if test and len({items[i].incident for i in train}) == 2:
            said[test] = chances(train, test)
    return [_judged(item, float(chance), name) for item, chance in zip(items, said, strict=True)]


def _balanced(labels: Floats) -> Floats:
    """Let incidents and all else weigh the same: few are incidents, and a fit that says "none" is mostly right."""
    share = float(labels.mean())
    return np.asarray(np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)), dtype=np.float64)


def fold_of(item: Labelled) -> int:
    """Return the part to which all reports of an attack belong."""
    return hashlib.sha256((item.event or item.article.id).encode("utf-8", "replace")).digest()[1] % FOLDS


def _judged(item: Labelled, chance: float, reason: str) -> Judged:
    verdict = replace(gated_out(item.article, ""), incident=chance >= 0.5, confidence=chance, reason=reason)
    return Judged(item, replace(verdict, rule="baseline"))


def _labels(items: Sequence[Labelled], rows: Sequence[int]) -> Floats:
    return np.array([float(items[i].incident) for i in rows])


def _chance(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -30, 30))), dtype=np.float64)
