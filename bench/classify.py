"""`make bench-classify`: items a second and core for the gate, for the whole classifier and beside what others do.

Everything runs in one thread of one process, and what is counted is that process's own CPU time, so that a busy
machine changes little. Ordinary items are 1.9 KB of English; candidates are the project's own corpus. The last line
is one JSON object.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice

import numpy as np
import numpy.typing as npt

from bench.items import ordinary
from services.classifier.article import Article
from services.classifier.baselines import by_query
from services.classifier.baselines_tfidf import Tfidf
from services.classifier.judge import judge, study
from services.classifier.judge_lines import judge_lines
from services.classifier.labelled import Labelled, read_own
from services.classifier.vectors import load_vectors
from services.classifier.verdict import decide, is_open
from shared.gate import gate
from shared.gate.gate import gate_scanner
from shared.gate.scan import lower

Floats = npt.NDArray[np.float64]
ORDINARY = 2_000
WORDS = 235
MIXED = 2_000
SHARES = (0.005, 0.05, 0.5)
HEADLINES = 100_000
CANDIDATE_HEADLINES = 0.001
VECTORS_ASKED = 60
BASELINE_ITEMS = 300
ROUNDS = 3
SEED = 11
_ATTACK = re.compile(r"cyber ?-?attack|ransomware|hack(ed|ers?)|data breach", re.IGNORECASE)
_CARE = re.compile(r"hospital|clinic|health|patients?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stock:
    """Hold what is measured on: ordinary articles, and candidates as headlines and as articles."""

    ordinary: list[Article]
    headlines: list[Labelled]
    articles: list[Article]


def gather() -> Stock:
    """Make the ordinary items, and candidates of headlines and of articles as long as they."""
    chance = random.Random(SEED)
    texts = [ordinary(number, chance, WORDS) for number in range(ORDINARY)]
    plain = [Article(item.id, item.title, item.summary, "en") for item in texts]
    own = [item for item in read_own() if gate(f"{item.article.title}\n\n{item.article.text}").passed]
    chance.shuffle(own)
    articles = [
        Article(item.article.id, item.article.title, f"{item.article.text}\n\n{filler.text}", item.article.lang)
        for item, filler in zip(own, cycle(plain), strict=False)
    ]
    return Stock(plain, own, articles)


def rate(work: Callable[[], object], items: int, rounds: int = ROUNDS) -> float:
    """Return items a second of CPU time, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return items / best


def each(function: Callable[[str], object], texts: Sequence[str]) -> Callable[[], object]:
    """Return work that calls a function on every text."""

    def work() -> None:
        for text in texts:
            function(text)

    return work


def gate_figures(stock: Stock) -> dict[str, float]:
    """Measure the gate on ordinary items beside the bare scan of its engine."""
    texts = [f"{article.title}\n\n{article.text}" for article in stock.ordinary]
    encoded = [lower(text).encode() for text in texts]
    scan = gate_scanner().raw
    bare = rate(lambda: [scan(data) for data in encoded], len(texts))
    whole = rate(each(gate, texts), len(texts))
    query = rate(each(lambda text: _ATTACK.search(text) and _CARE.search(text), texts), len(texts))
    return {"bare_scan": bare, "gate": whole, "gate_to_bare_scan": whole / bare, "keyword_query": query}


def classifier_figures(stock: Stock) -> dict[str, float]:
    """Measure gate and judge together, at some shares of candidates; without vectors."""
    found = {}
    for share in SHARES:
        count = round(MIXED * share)
        mixed = [*islice(cycle(stock.ordinary), MIXED - count), *islice(cycle(stock.articles), count)]
        random.Random(SEED).shuffle(mixed)
        found[f"classifier_at_{share:g}"] = rate(partial(_judge_all, mixed), MIXED, rounds=2)
    return found


def _judge_all(articles: Sequence[Article]) -> None:
    for article in articles:
        judge(article)


def judge_figures(stock: Stock) -> dict[str, float]:
    """Measure the judge on candidates alone, and what the vectors cost and how many they are asked about."""
    titles = [item.article for item in stock.headlines[:1_000]]
    open_ones = [article for article in titles if is_open(decide(study(article)[3]))]
    found = {
        "judge_headlines": rate(partial(_judge_all, titles), len(titles), rounds=1),
        "judge_articles": rate(partial(_judge_all, stock.articles[:500]), 500, rounds=1),
        "vectors_asked_share": len(open_ones) / len(titles),
    }
    leaning, problem = load_vectors()
    if leaning is None:
        print(f"no vectors: {problem}")
        return found
    asked = open_ones[:VECTORS_ASKED]
    found["vectors"] = rate(lambda: [leaning(a.title, a.text) for a in asked], len(asked), rounds=1)
    return found


def baseline_figures(stock: Stock) -> dict[str, float]:
    """Measure what others would do with the same candidates."""
    items = stock.headlines[:BASELINE_ITEMS]
    texts = [f"{item.article.title}\n{item.article.text}" for item in items]
    fitted = Tfidf.fit(texts, _labels(items))
    return {
        "baseline_query": rate(lambda: by_query(items), len(items)),
        "baseline_tfidf": rate(lambda: fitted.score(texts), len(items)),
    }


def _labels(items: Sequence[Labelled]) -> Floats:
    return np.array([float(item.incident) for item in items])


def lines_figures(stock: Stock) -> dict[str, float]:
    """Measure `codegrey judge` over headlines beside a bare loop: read, search two expressions, write."""
    chance = random.Random(SEED)
    titles = [" ".join(chance.choices(article.text.split(), k=9)).capitalize() for article in stock.ordinary]
    lines = []
    for number in range(HEADLINES):
        candidate = chance.random() < CANDIDATE_HEADLINES
        title = chance.choice(stock.headlines).article.title if candidate else chance.choice(titles)
        lines.append(json.dumps({"id": f"h{number}", "title": title, "text": ""}).encode() + b"\n")
    bare = rate(lambda: _drain(_bare(lines)), len(lines), rounds=2)
    whole = rate(lambda: _drain(judge_lines(lines)), len(lines), rounds=2)
    found = {"bare_loop_lines": bare, "judge_lines": whole, "judge_lines_to_bare_loop": whole / bare}
    leaning, _ = load_vectors()
    if leaning is not None:
        found["judge_lines_with_vectors"] = rate(lambda: _drain(judge_lines(lines, leaning)), len(lines), rounds=1)
    return found


def _bare(lines: Iterable[bytes]) -> Iterable[str]:
    for line in lines:
        row = json.loads(line)
        told = f"{row['title']}\n{row['text']}"
        found = bool(_ATTACK.search(told) and _CARE.search(told))
        yield json.dumps({"id": row["id"], "incident": found})


def _drain(lines: Iterable[str]) -> None:
    for _ in lines:
        pass


def main() -> None:
    """Measure all, print it line by line, and once more as JSON."""
    stock = gather()
    # A language's words are compiled when its first candidate comes.
    _judge_all(list({item.article.lang: item.article for item in stock.headlines}.values()))
    figures: dict[str, float] = {}
    for measure in (gate_figures, classifier_figures, judge_figures, baseline_figures, lines_figures):
        for name, value in measure(stock).items():
            figures[name] = value
            shown = f"{value:12.3f}" if value < 10 else f"{value:12,.0f}"
            print(f"{name:28} {shown}", flush=True)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
