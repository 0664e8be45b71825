"""Baselines beside the judge, and the report: counted from the same items, one page that needs nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from lxml import html

from services.classifier.article import Article
from services.classifier.commands import evaluate
from services.classifier.judge import judge
from services.classifier.measure import baselines
from services.classifier.measure.figures import Judged, length_of, measure
from services.classifier.measure.labelled import Labelled, read_headlines
from services.classifier.measure.report import render
from services.classifier.measure.tfidf import Tfidf, grams


@pytest.fixture(scope="module")
def own() -> list[Labelled]:
    """Return the project's own headlines in English and French."""
    return [item for item in read_headlines() if item.article.lang in ("en", "fr")]


def _item(title: str, text: str = "") -> Labelled:
    first = next(iter(read_headlines()))
    return replace(first, article=Article("x", title, text, "en"))


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Hospital hit by ransomware", True),
        ("Piratage informatique à l'hôpital", True),
        ("病院にサイバー攻撃", True),
        ("Council hit by ransomware", False),
        ("Hospital opens", False),
    ],
)
def test_the_query_is_a_word_of_attack_and_one_of_care(title: str, found: bool) -> None:
    """As typed into a news alert, with its weaknesses."""
    assert baselines.by_query([_item(title)])[0].judgement.incident is found


def test_tfidf_learns_the_words_that_decide() -> None:
    """And scores what it has not seen by them; the same texts give the same weights."""
    texts = ["hospital hacked today", "clinic hacked", "hospital opens", "new clinic opens", "hacked lab", "lab opens"]
    labels = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    fitted = Tfidf.fit(texts, labels)
    hacked, opens = fitted.score(["ward hacked", "ward opens"])
    assert hacked > 0 > opens
    assert np.array_equal(fitted.weights, Tfidf.fit(texts, labels).weights)


def test_grams_are_words_pairs_and_runs_within_words() -> None:
    """The same buckets each time; an empty text has none."""
    assert list(grams("")) == []
    assert list(grams("Hospital")) == list(grams("hospital"))


def test_no_baseline_judges_what_it_was_fitted_to(own: list[Labelled]) -> None:
    """A fit that saw the labels would be right on every item; labels at random are not to be learned."""
    odd = [replace(item, incident=number % 2 == 0) for number, item in enumerate(own)]
    right = [j.judgement.incident == j.item.incident for j in baselines.by_tfidf(odd)]
    assert sum(right) / len(right) < 0.75


def test_vectors_are_cross_fitted_too(own: list[Labelled]) -> None:
    """With vectors that hold the label the baseline is right; labels of one kind teach nothing."""
    by = baselines.by_vectors(own, lambda item: np.array([float(item.incident), 1.0]))
    assert measure(by).total.f1 > 0.9
    alike = [item for item in own if item.incident]
    assert not any(j.judgement.incident for j in baselines.by_vectors(alike, lambda item: np.zeros(2)))


def test_the_reports_of_one_attack_stay_together(own: list[Labelled]) -> None:
    """Else a fit would know the hospital's name from another report."""
    assert len({baselines.fold_of(replace(item, event="one attack")) for item in own}) == 1
    assert len({baselines.fold_of(item) for item in own}) == baselines.FOLDS


def test_lengths_have_classes() -> None:
    """Titles alone are half of what is measured."""
    assert length_of(_item("Title")) == "0 (title only)"
    assert [length_of(_item("t", "x" * n)) for n in (280, 281, 1501)] == [
        "1 to 280 characters",
        "281 to 1,500",
        "more than 1,500",
    ]


def test_the_report_is_one_page_that_needs_nothing_else(own: list[Labelled]) -> None:
    """Plots inline, no script, no address; text of an item cannot break out of it."""
    judged = [Judged(item, judge(item.article)) for item in own[:40]]
    bad = replace(_item("<script>alert(1)</script> Hospital hit by ransomware"), incident=False)
    judged.append(Judged(bad, replace(judge(bad.article), incident=True)))
    page = render(measure(judged), {"keyword query": measure(baselines.by_query(own))}, ["own.tsv"], "All items.")
    tree = html.fromstring(page)
    assert tree.findall(".//script") == []
    assert not tree.xpath("//@src | //@href")
    assert len(tree.findall(".//svg")) >= 6
    assert "keyword query" in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_command_writes_a_report_and_adds_baselines(tmp_path: Path) -> None:
    """As data: each baseline's figures under its name."""
    rows = [
        {"id": f"{label}{n}", "lang": "en", "title": f"{title} {n}", "text": "", "label": label}
        for n in range(6)
        for label, title in (("incident", "Mill Hospital hit by ransomware"), ("not_incident", "Town hall opens"))
    ]
    path, page = tmp_path / "items.jsonl", tmp_path / "report.html"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    args = [str(path), "--no-vectors", "--baselines", "--report", str(page), "--json"]
    result = CliRunner().invoke(evaluate, args, catch_exceptions=False)
    told = json.loads(result.stdout)
    assert set(told["baselines"]) == {"keyword query", "TF-IDF + regression"}
    assert told["baselines"]["keyword query"]["total"]["f1"] == 1
    assert "How well the judge judges" in page.read_text(encoding="utf-8")
    assert CliRunner().invoke(evaluate, [str(path), "--no-vectors", "--baselines"]).exit_code == 0
