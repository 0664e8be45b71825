"""Run an evaluation or a fit: read labelled files, judge them, show the figures, write what is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from services.classifier import vectors, verdict
from services.classifier.evaluate import Counts, Judged, Measured, measure
from services.classifier.fit import Fitted, fit, load_rows, rows_of, save_rows, write_fit
from services.classifier.judge import judge
from services.classifier.judgement import Judgement
from services.classifier.labelled import Labelled, read_headlines, read_labelled

_ERRORS_SHOWN = 40
Leaning = Callable[[str, str], float]
VectorOf = Callable[[Labelled], npt.NDArray[np.float64]]


def run(files: Iterable[Path], *, half: str, cross: bool, vectors: bool) -> Measured:
    """Judge the items of the files and measure; crossed, each half by a fit to the other half only."""
    items = list(read_labelled(files))
    if cross:
        return measure(_crossed(items, half, vectors))
    return measure([Judged(item, judge(item.article, _leaning(vectors))) for item in _half(items, half)])


def fit_to(files: Iterable[Path]) -> None:
    """Fit to the files' items and the project's own headlines; write weights, direction and rows."""
    rows = rows_of([*read_labelled(files), *read_headlines()], _vector_of if vectors.installed() else None)
    save_rows(rows)
    # From the rows as they ship, so that a fit from them gives the same numbers.
    write_fit(fit(load_rows()))


def refit_from_rows() -> None:
    """Fit again from the rows that ship."""
    write_fit(fit(load_rows()))


def show(measured: Measured) -> None:
    """Print the figures as tables, and the errors with their reasons."""
    console = Console(highlight=False)
    table = Table(title="Judged", title_justify="left")
    for name in ("", "items", "incidents", "precision", "95 %", "recall", "95 %", "F1"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    _row(table, "all, clear", measured.total)
    _row(table, "with borderline", measured.with_borderline)
    for group in ("english", "language", "text_kind"):
        for key, counts in sorted(measured.groups[group].items()):
            if counts.right + counts.missed:
                _row(table, f"{group}: {key}", counts)
    console.print(table)
    kappa = "-" if measured.kappa is None else f"{measured.kappa:.3f}"
    console.print(f"severity kappa {kappa} on {measured.severity_items}; victim right {_of(measured.victim)}; ", end="")
    console.print(f"country right {_of(measured.country)}")
    for error in measured.errors[:_ERRORS_SHOWN]:
        name = "missed" if error.item.incident else "false alarm"
        title = error.item.article.title or error.item.article.text[:100]
        console.print(f"\n{name} {error.item.article.id} ({error.item.kind}): {title}", markup=False)
        console.print(f"  {error.judgement.reason}", style="dim", markup=False)


def _crossed(items: Sequence[Labelled], half: str, use_vectors: bool) -> list[Judged]:
    own = list(read_headlines())
    known: dict[str, npt.NDArray[np.float64]] = {}

    def vector_of(item: Labelled) -> npt.NDArray[np.float64]:
        if item.article.id not in known:
            known[item.article.id] = _vector_of(item)
        return known[item.article.id]

    judged: list[Judged] = []
    for wanted in ("tuning", "held-back"):
        if half not in ("all", wanted):
            continue
        other = "held-back" if wanted == "tuning" else "tuning"
        fitted = fit(rows_of([*_half(items, other), *own], vector_of if use_vectors else None))
        judged += [
            Judged(item, _judge_by(fitted, item, vector_of if use_vectors else None)) for item in _half(items, wanted)
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
    return vectors.vector(item.article.title, item.article.text).astype(np.float64)


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


def _of(counted: tuple[int, int]) -> str:
    right, of = counted
    return f"{right} of {of}" + (f" ({right / of:.2f})" if of else "")
