"""Read labelled items for fitting and measuring: JSON Lines with id, lang, title, text, label and tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from services.classifier.article import Article

_LABELS = frozenset({"incident", "not_incident"})

_TEXTS = ("title", "text", "lang", "kind", "severity", "victim", "country", "text_kind", "event", "source_url", "url")


class BadLabelError(ValueError):
    """Say in which file and line a labelled item cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Hold an article with what a careful reader says of it."""

    article: Article
    incident: bool
    kind: str
    borderline: bool
    severity: str | None
    severity_ambiguous: bool
    victim: str | None
    country: str | None
    text_kind: str
    event: str
    title_decides: bool

    @property
    def held_back(self) -> bool:
        """Say whether it belongs to the half that no one looks at while tuning (by the attack, else the id)."""
        return hashlib.sha256((self.event or self.article.id).encode("utf-8", "replace")).digest()[0] % 2 == 1


HEADLINES = Path(__file__).parents[1] / "training" / "headlines.tsv"


def read_headlines(path: Path = HEADLINES) -> Iterator[Labelled]:
    """Read the project's own headlines: language, label, kind and headline, by tabs."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        language, label, kind, title = line.split("\t")
        article = Article(id=f"own-{number}", title=title, text="", lang=language)
        yield Labelled(article, label == "1", kind, False, None, False, None, None, "title_only", "", True)


def read_labelled(paths: Iterable[Path]) -> Iterator[Labelled]:
    """Read labelled items from files, in order; BadLabelError names the line that is none."""
    for path in paths:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    yield _labelled(_row(line))
                except BadLabelError as error:
                    raise BadLabelError(f"{path}, line {number}: {error}") from error


def _row(line: bytes) -> dict[str, Any]:
    """Read one line; its label is needed, since an item without one would be counted as right or wrong at random."""
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadLabelError("not JSON in UTF-8") from error
    if not isinstance(row, dict):
        raise BadLabelError("not a JSON object")
    if row.get("id") is None:
        raise BadLabelError("no id")
    if str(row.get("label")) not in _LABELS:
        raise BadLabelError(f"label must be one of {', '.join(sorted(_LABELS))}")
    wrong = next((name for name in _TEXTS if row.get(name) is not None and not isinstance(row[name], str)), None)
    if wrong:
        raise BadLabelError(f"{wrong} must be a string")
    return row


def _labelled(row: dict[str, Any]) -> Labelled:
    published = row.get("published")
    return Labelled(
        article=Article(
            id=str(row["id"]),
            title=row.get("title") or "",
            text=row.get("text") or "",
            lang=row.get("lang"),
            published=_moment(published),
            url=row.get("source_url") or row.get("url"),
        ),
        incident=row["label"] == "incident",
        kind=row.get("kind") or "",
        borderline=bool(row.get("borderline")),
        severity=row.get("severity"),
        severity_ambiguous=bool(row.get("severity_ambiguous")),
        victim=row.get("victim"),
        country=row.get("country"),
        text_kind=row.get("text_kind") or "",
        event=row.get("event") or "",
        title_decides=row.get("title_alone_decides", True) is not False,
    )


def _moment(given: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(given) if isinstance(given, str) and len(given) >= 10 else None
    except ValueError:
        return None
