"""The measuring itself: counts, intervals, kappa, the split, and a fit that can be repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from services.classifier.commands import evaluate
from services.classifier.judge import judge
from services.classifier.measure.figures import Judged, measure, weighted_kappa, wilson
from services.classifier.measure.fit import fit, load_rows, logistic
from services.classifier.measure.labelled import Labelled, read_headlines
from services.classifier.verdict import weights

LABELLED = [
    {"id": "a", "lang": "en", "title": "Mill Hospital hit by ransomware", "text": "", "label": "incident"},
    {"id": "b", "lang": "en", "title": "Cyberattack closes town hall", "text": "", "label": "not_incident"},
]


def test_kappa_is_one_when_all_agree_and_none_by_chance() -> None:
    """Quadratic weights: the further apart, the worse."""
    assert weighted_kappa([(1, 1), (2, 2), (4, 4)], 1, 4) == 1
    assert weighted_kappa([(1, 2), (2, 2), (3, 3)], 1, 4) > weighted_kappa([(1, 4), (2, 2), (3, 3)], 1, 4)


def test_an_interval_holds_its_share() -> None:
    """And is wide where there is little."""
    low, high = wilson(9, 10)
    assert low < 0.9 < high
    assert wilson(0, 0) == (0.0, 1.0)


def test_borderline_items_count_apart() -> None:
    """The headline figure leaves them out."""
    items = [Judged(i, judge(i.article)) for i in list(read_headlines())[:10]]
    marked = [Judged(replace(j.item, borderline=True), j.judgement) for j in items[:4]]
    measured = measure([*marked, *items[4:]])
    assert measured.total.as_dict()["items"] == 6
    assert measured.with_borderline.as_dict()["items"] == 10


def test_the_halves_share_no_attack() -> None:
    """Items of one event stand on one side."""
    one = next(iter(read_headlines()))
    pair = [replace(one, event="x"), replace(one, article=replace(one.article, id="other"), event="x")]
    assert pair[0].held_back == pair[1].held_back


def test_what_is_fitted_can_be_fitted_again_from_what_ships() -> None:
    """The rows that ship give the weights that ship."""
    fitted = fit(load_rows())
    assert fitted.alone == weights()
    assert fitted.beside_vectors == weights("beside_vectors")


def test_a_regression_finds_what_decides() -> None:
    """One column decides, the other is noise."""
    rows = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    solved = logistic(rows, np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4), np.full(3, 0.1))
    assert solved[0] > 1
    assert abs(solved[1]) < solved[0] / 4


def test_the_command_prints_figures(tmp_path: Path) -> None:
    """As data and as a table."""
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(map(json.dumps, LABELLED)), encoding="utf-8")
    result = CliRunner().invoke(evaluate, [str(path), "--no-vectors", "--json"])
    assert json.loads(result.stdout)["total"]["f1"] == 1
    assert CliRunner().invoke(evaluate, [str(path), "--no-vectors"]).exit_code == 0
    assert CliRunner().invoke(evaluate, []).exit_code == 2


@pytest.fixture(scope="module")
def own() -> list[Labelled]:
    """Return the project's own headlines."""
    return list(read_headlines())


def test_the_own_headlines_are_judged_well(own: list[Labelled]) -> None:
    """A floor, since they are fitted on: what falls below it broke something."""
    measured = measure([Judged(i, judge(i.article)) for i in own])
    assert measured.total.precision > 0.93
    assert measured.total.recall > 0.85
