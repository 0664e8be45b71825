"""The project's own corpus: readable, many languages and kinds, no item twice, none that the tests use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz import fuzz, process

from services.classifier.training.corpus import CorpusError, CorpusItem, kinds, load_corpus, read_line

ALIKE = 90
WANTED = {"fr", "en", "de", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "ja", "zh-Hans", "zh-Hant"}


@pytest.fixture(scope="module")
def corpus() -> list[CorpusItem]:
    """Return every item."""
    return load_corpus()


def test_it_is_large_and_in_many_languages(corpus: list[CorpusItem]) -> None:
    """Three thousand items; the sixteen languages of the first standard in some number, ten more at least."""
    by_language = Counter(item.lang for item in corpus)
    print("by language:", dict(by_language.most_common()))
    assert len(corpus) >= 3000
    assert set(by_language) >= WANTED
    assert all(by_language[lang] >= 75 for lang in WANTED)
    assert len(by_language) >= 26


def test_every_kind_is_there_on_both_sides(corpus: list[CorpusItem]) -> None:
    """Each kind of the list has items, and neither incidents nor the rest are few."""
    by_kind = Counter(item.kind.name for item in corpus)
    print("by kind:", dict(by_kind.most_common()))
    assert set(by_kind) == set(kinds())
    assert 0.3 < sum(item.incident for item in corpus) / len(corpus) < 0.6
    assert {item.level for item in corpus if item.kind.graded} == {1, 2, 3, 4, 5}


def test_every_item_has_its_labels(corpus: list[CorpusItem]) -> None:
    """A reason always; a level where graded; the victim stands in the text as marked."""
    for item in corpus:
        assert item.reason, item.id
        assert item.kind.graded == (item.level > 0), item.id
        assert item.victim is None or item.victim in f"{item.title} | {item.text}", item.id
        assert not item.kind.graded or item.victim, item.id
        assert "[" not in item.title + item.text, item.id


def test_no_item_stands_twice(corpus: list[CorpusItem]) -> None:
    """Not even nearly, over all languages; ids are unique, too."""
    assert len({item.id for item in corpus}) == len(corpus)
    told = [f"{item.title} {item.text}".strip() for item in corpus]
    alike = process.cdist(told, told, scorer=fuzz.ratio, score_cutoff=ALIKE, dtype=np.uint8)
    pairs = [(told[a], told[b]) for a, b in zip(*np.nonzero(np.triu(alike, 1)), strict=True)]
    assert pairs == []


def test_no_item_is_a_test_case(corpus: list[CorpusItem]) -> None:
    """What is fitted on measures nothing: no headline of the corpus stands in another test."""
    folder = Path(__file__).parents[1]
    tests = "\n".join(
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in {".py", ".toml", ".jsonl", ".txt", ".json", ".xml"} and path.is_file()
    )
    assert [item.title for item in corpus if len(item.title) > 12 and item.title in tests] == []


def test_a_line_is_read_into_its_parts() -> None:
    """Frame, level, country, victim, title, text and reason."""
    line = "@hit 4 GB [Mill Hospital] hit by ransomware | Ambulances go elsewhere. # the trust says so"
    item = read_line(line, "en", kinds()["attack"])
    assert (item.frame, item.level, item.country, item.victim) == ("hit", 4, "GB", "Mill Hospital")
    assert (item.title, item.text) == ("Mill Hospital hit by ransomware", "Ambulances go elsewhere.")
    assert item.reason == "the trust says so"
    labelled = item.labelled()
    assert (labelled.incident, labelled.severity, labelled.article.lang) == (True, "critical", "en")


@pytest.mark.parametrize(
    ("line", "kind"), [("[Mill Hospital] hacked", "attack"), ("4 - Council hacked", "other_sector")]
)
def test_a_level_stands_where_it_must(line: str, kind: str) -> None:
    """Missing at an incident or given to anything else, it is an error that names the line."""
    with pytest.raises(CorpusError, match="hacked"):
        read_line(line, "en", kinds()[kind])
