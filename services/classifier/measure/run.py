"""Run an evaluation or a fit: read labelled files, judge them, show the figures, write what is fitted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

from services.classifier import vectors, verdict
from services.classifier.judge import judge
from services.classifier.judgement import Judgement
from services.classifier.measure import baselines
from services.classifier.measure.figures import Counts, Judged, Measured, by_language, measure
from services.classifier.measure.fit import Fitted, fit, load_rows, rows_of, save_rows, write_fit
from services.classifier.measure.labelled import Labelled, read_labelled
from services.classifier.training.corpus import load_corpus
from services.classifier.training.own import read_own

_ERRORS_SHOWN = 40
Leaning = Callable[[str, str], float]
VectorOf = Callable[[Labelled], npt.NDArray[np.float64]]


def items_of(files: Iterable[Path], *, own: bool = False) -> list[Labelled]:
    """Read the files' items, and the project's own corpus where it is to be measured, too."""
    return [*read_labelled(files), *(item.labelled() for item in (load_corpus() if own else ()))]


def run(items: Sequence[Labelled], *, half: str, cross: bool, vectors: bool) -> Measured:
    """Judge items and measure; crossed, each half by a fit to the other half only (and to what is not measured)."""
    if cross:
        return measure(_crossed(items, half, vectors))
    return measure([Judged(item, judge(item.article, _leaning(vectors))) for item in _half(items, half)])


def run_baselines(items: Sequence[Labelled], *, half: str, vectors: bool) -> dict[str, Measured]:
    """Judge the same items by the baselines; those that learn are cross-fitted always."""
    judged = {"keyword query": baselines.by_query(items), "TF-IDF + regression": baselines.by_tfidf(items)}
    if vectors and _leaning(wanted=True):
        judged["vectors + regression"] = baselines.by_vectors(items, _vector_of)
    wanted = {item.article.id for item in _half(items, half)}
    return {name: measure([j for j in by if j.item.article.id in wanted]) for name, by in judged.items()}


def fit_to(files: Iterable[Path]) -> None:
    """Fit to the files' items and the project's own items; write weights, direction and rows."""
    rows = rows_of([*read_labelled(files), *read_own()], _vector_of if vectors.installed() else None)
    save_rows(rows)
    # From the rows as they ship, so that a fit from them gives the same numbers.
    write_fit(fit(load_rows()))


def refit_from_rows() -> None:
    """Fit again from the rows that ship."""
    write_fit(fit(load_rows()))


def told(half: str, cross: bool, vectors: bool) -> str:
    """Say in a sentence how a run was measured."""
    items = "All items" if half == "all" else f"The {half} half"
    fitted = "each half judged by a fit to the other" if cross else "judged by the weights that ship"
    return f"{items}, {fitted}, {'with' if vectors else 'without'} sentence vectors."


def show(measured: Measured) -> None:
    """Print the figures as tables, and the errors with their reasons."""
    console = _console()
    table = _table("Judged")
    for name in ("", "items", "inc.", "prec.", "95 %", "recall", "95 %", "F1"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    _row(table, "all, clear", measured.total)
    _row(table, "with borderline", measured.with_borderline)
    for group in ("english", "language", "text_kind", "length"):
        for key, counts in sorted(measured.groups[group].items()):
            if counts.right + counts.missed:
                _row(table, f"{group}: {key}", counts)
    console.print(table)
    console.print(_kinds(measured))
    kappa = "-" if measured.kappa is None else f"{measured.kappa:.3f}"
    console.print(f"severity kappa {kappa} on {measured.severity_items}; victim right {_of(measured.victim)}; ", end="")
    console.print(f"country right {_of(measured.country)}")
    for error in measured.errors[:_ERRORS_SHOWN]:
        name = "missed" if error.item.incident else "false alarm"
        title = error.item.article.title or error.item.article.text[:100]
        console.print(_shown(f"\n{name} {error.item.article.id} ({error.item.kind}): {title}"), markup=False)
        console.print(_shown(f"  {error.judgement.reason}"), style="dim", markup=False)


def show_baselines(measured: Measured, others: dict[str, Measured], how: str) -> None:
    """Print the judge beside the baselines, one row each, and their F1 in each language."""
    table = _table("Beside baselines (en, not en: F1)")
    for name in ("", "prec.", "recall", "F1", "en", "not en", "false", "missed"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    all_of_them = {"the judge": measured, **others}
    for name, one in all_of_them.items():
        total, by = one.total, one.groups["english"]
        languages = [f"{by[key].f1:.3f}" if key in by else "-" for key in ("en", "not en")]
        shares = [f"{share:.3f}" for share in (total.precision, total.recall, total.f1)]
        table.add_row(name, *shares, *languages, str(total.false_alarm), str(total.missed))
    console = _console()
    console.print(table)
    console.print(f"the judge: {how} Baselines that learn: each fifth by a fit to the other four.\n", style="dim")
    table = _table("F1 by language")
    for name in ("", "inc.", *all_of_them):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for language, incidents, scores in by_language(all_of_them):
        table.add_row(language, str(incidents), *scores)
    console.print(table)


def _crossed(items: Sequence[Labelled], half: str, use_vectors: bool) -> list[Judged]:
    measured = {item.article.id for item in items}
    own = [item for item in read_own() if item.article.id not in measured]
    judged: list[Judged] = []
    for wanted in ("tuning", "held-back"):
        if half not in ("all", wanted):
            continue
        other = "held-back" if wanted == "tuning" else "tuning"
        fitted = fit(rows_of([*_half(items, other), *own], _vector_of if use_vectors else None))
        judged += [
            Judged(item, _judge_by(fitted, item, _vector_of if use_vectors else None)) for item in _half(items, wanted)
        ]
    return judged


def _judge_by(fitted: Fitted, item: Labelled, vector_of: VectorOf | None) -> Judgement:
    tables = {"weights": fitted.alone, "beside_vectors": fitted.beside_vectors}
    with verdict.other_weights(tables):
        if vector_of is None:
            return judge(item.article)
        return judge(item.article, lambda _title, _text: float((vector_of(item) - fitted.mean) @ fitted.direction))


def _half(items: Sequence[Labelled], half: str) -> list[Labelled]:
    return [item for item in items if half == "all" or item.held_back == (half == "held-back")]


def _leaning(wanted: bool) -> Leaning | None:
    return vectors.leaning if wanted and vectors.available() else None


def _vector_of(item: Labelled) -> npt.NDArray[np.float64]:
    return _vector(item.article.title, item.article.text)


@cache
def _vector(title: str, text: str) -> npt.NDArray[np.float64]:
    """Ask for each text once: it takes some 50 ms, and the halves and the baselines ask again."""
    return vectors.vector(title, text).astype(np.float64)


def _console() -> Console:
    """Write to a terminal as wide as it is, to anything else wide enough for the tables."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)


def _kinds(measured: Measured) -> str:
    """Name the kinds of item with errors, the worst first: how many of how many are wrong."""
    wrong = {kind: (c.false_alarm + c.missed, c.as_dict()["items"]) for kind, c in measured.groups["kind"].items()}
    worst = sorted((k for k, (bad, _) in wrong.items() if bad), key=lambda k: (-wrong[k][0] / wrong[k][1], k))
    return "wrong by kind: " + (", ".join(f"{k} {wrong[k][0]} of {wrong[k][1]}" for k in worst) or "none")


def _row(table: Table, name: str, counts: Counts) -> None:
    figures = counts.as_dict()
    low, high = figures["precision_interval"]
    least, most = figures["recall_interval"]
    table.add_row(
        name,
        str(figures["items"]),
        str(figures["incidents"]),
        f"{counts.precision:.3f}",
        f"{low:.2f}–{high:.2f}",
        f"{counts.recall:.3f}",
        f"{least:.2f}–{most:.2f}",
        f"{counts.f1:.3f}",
    )


def _shown(text: str) -> str:
    """Return text that any terminal takes: half a character of UTF-16 ends a print with an error."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _of(counted: tuple[int, int]) -> str:
    right, of = counted
    return f"{right} of {of}" + (f" ({right / of:.2f})" if of else "")
