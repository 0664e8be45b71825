"""Write an evaluation as one HTML page: figures, plots, and every error with what decided it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.classifier.measure import plots as report_plots
from services.classifier.measure.figures import SEVERITIES, Counts, Judged, Measured, by_language, wilson

_GROUPS = {
    "english": "English and all that is not",
    "language": "By language",
    "length": "By length of the text",
    "text_kind": "By kind of text",
}
_WEIGHTS_SHOWN = 6
_TEXT_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Told:
    """Hold one error as the page tells it."""

    id: str
    what: str
    lang: str
    kind: str
    title: str
    text: str
    confidence: str
    reason: str
    weights: tuple[str, ...]


def write_report(path: Path, measured: Measured, others: Mapping[str, Measured], files: list[str], how: str) -> None:
    """Write the page; it loads nothing from anywhere and runs no script."""
    path.write_text(render(measured, others, files, how), encoding="utf-8", errors="replace")


def render(measured: Measured, others: Mapping[str, Measured], files: list[str], how: str) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        files=files,
        how=how,
        measured=measured,
        total=measured.total.as_dict(),
        rows=[_row(name, one) for name, one in {"the judge": measured, **others}.items()],
        victim=_share(measured.victim),
        country=_share(measured.country),
        groups={heading: _f1_bars(measured.groups[name], heading) for name, heading in _GROUPS.items()},
        kinds=_kind_bars(measured.groups["kind"]),
        without_error=_kinds_without_error(measured.groups["kind"]),
        names=["the judge", *others],
        languages=by_language({"the judge": measured, **others}) if others else [],
        calibration=report_plots.calibration(measured.calibration),
        confusion=report_plots.confusion(measured.confusion, list(SEVERITIES)),
        errors=[told(error) for error in measured.errors],
    )


def told(error: Judged) -> Told:
    """Put one error into words: what it is, and the weights that decided it."""
    article, said = error.item.article, error.judgement
    return Told(
        id=article.id,
        what="missed" if error.item.incident else "false alarm",
        lang=article.lang or "?",
        kind=_kind(error.item.kind),
        title=article.title or "(no title)",
        text=article.text[:_TEXT_SHOWN] + ("…" if len(article.text) > _TEXT_SHOWN else ""),
        confidence=f"{said.confidence:.2f}",
        reason=said.reason,
        weights=tuple(
            f"{w.feature} {w.weight:+.1f}" + (f" “{w.quote[:60]}”" if w.quote else "")
            for w in said.weights[:_WEIGHTS_SHOWN]
        ),
    )


def _row(name: str, one: Measured) -> dict[str, str]:
    by = one.groups["english"]
    return {
        "name": name,
        "precision": f"{one.total.precision:.3f}",
        "recall": f"{one.total.recall:.3f}",
        "f1": f"{one.total.f1:.3f}",
        "en": f"{by['en'].f1:.3f}" if "en" in by else "–",
        "other": f"{by['not en'].f1:.3f}" if "not en" in by else "–",
        "false_alarms": str(one.total.false_alarm),
        "missed": str(one.total.missed),
    }


def _f1_bars(groups: Mapping[str, Counts], heading: str) -> Markup:
    """Draw F1 by group; its interval is that of the share of agreement among all that was said or true."""
    rows = []
    # Lengths and kinds of text have an order of their own; of languages the ones with the most incidents come first.
    by_size = heading == _GROUPS["language"]
    for name, counts in sorted(groups.items(), key=lambda of: (-(of[1].right + of[1].missed) * by_size, of[0])):
        incidents = counts.right + counts.missed
        if not incidents:
            continue
        wrong = counts.false_alarm + counts.missed
        low, high = (_f1_of_jaccard(share) for share in wilson(counts.right, counts.right + wrong))
        beside = f"{counts.f1:.2f}  ({incidents} incident{'s' * (incidents != 1)}, {wrong} wrong)"
        rows.append((_in_words(name), counts.f1, (low, high), beside))
    return report_plots.bars(rows, f"F1, {heading.lower()}")


def _kind_bars(groups: Mapping[str, Counts]) -> Markup:
    """Draw the share judged right by kind of item, the worst first; kinds without an error are left to a line."""
    rows = []
    for name, counts in groups.items():
        right, of = counts.right + counts.rejected, _all(counts)
        if right < of:
            rows.append((_kind(name), right / of, wilson(right, of), f"{right} of {of}"))
    return report_plots.bars(sorted(rows, key=lambda row: (row[1], row[0])), "judged right, by kind of item")


def _kinds_without_error(groups: Mapping[str, Counts]) -> str:
    """Name the kinds that are all right, the largest first, each with its number of items."""
    whole = [(_all(c), _kind(name)) for name, c in groups.items() if not c.missed + c.false_alarm]
    return ", ".join(f"{name} {count}" for count, name in sorted(whole, key=lambda of: (-of[0], of[1])))


def _all(counts: Counts) -> int:
    return counts.right + counts.rejected + counts.missed + counts.false_alarm


def _kind(name: str) -> str:
    """Tell a kind of item in words; the same word may stand for an incident and for what only looks like one."""
    for prefix, told in (("positive_", "incident: "), ("neg_", "")):
        if name.startswith(prefix):
            return told + _in_words(name.removeprefix(prefix))
    return _in_words(name)


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _f1_of_jaccard(share: float) -> float:
    return 2 * share / (1 + share)


def _share(counted: tuple[int, int]) -> str:
    right, of = counted
    return f"{right} of {of}" + (f" ({right / of:.2f})" if of else "")
