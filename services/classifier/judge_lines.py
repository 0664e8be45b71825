"""Judge JSON Lines: one line out for each line in, in the same order, whatever a line holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from services.classifier.article import Article
from services.classifier.judge import Vectors, gated_out, judge_candidate
from shared.gate import gate

_SHOWN_ID = 200
_TEXT_FIELDS = ("title", "text", "lang", "url", "source")


class BadLineError(ValueError):
    """Say what is wrong with a line."""


def judge_lines(lines: Iterable[bytes], vectors: Vectors | None = None) -> Iterator[str]:
    """Yield one line of JSON for each line; a bad line gets its error and never stops the rest."""
    for line in lines:
        yield judge_line(line, vectors)


def judge_line(line: bytes, vectors: Vectors | None = None) -> str:
    """Judge one line; what cannot be read is told in `error`."""
    identity: Any = None
    try:
        row = _row(line)
        identity = row.get("id")
        article = article_of(row)
        passed = gate(f"{article.title}\n\n{article.text}")
        if not passed.passed:
            return f'{{"id":{json.dumps(article.id)},{_rest_when_gated_out(passed.why)}'
        return _written(judge_candidate(article, vectors).as_dict())
    except BadLineError as error:
        return _failed(identity, str(error))
    except Exception as error:
        return _failed(identity, f"the judge failed: {type(error).__name__}: {error}"[:300])


@cache
def _rest_when_gated_out(why: str) -> str:
    """Return a gated-out item's line after its id: it is the same for all of them, and they are nearly all."""
    judged = gated_out(Article("", "", ""), why).as_dict()
    del judged["id"]
    return _written(judged)[1:]


def _written(judged: dict[str, Any]) -> str:
    return json.dumps(judged, ensure_ascii=True, separators=(",", ":"))


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLineError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise BadLineError("not JSON" if line.strip() else "empty line") from error
    if not isinstance(row, dict):
        raise BadLineError("not a JSON object")
    return row


def article_of(row: dict[str, Any]) -> Article:
    """Make an article of one row; BadLineError says which field is wrong."""
    for name in _TEXT_FIELDS:
        if row.get(name) is not None and not isinstance(row[name], str):
            raise BadLineError(f"{name} must be a string")
    identity = row.get("id")
    if isinstance(identity, (dict, list, bool, float)):
        raise BadLineError("id must be a string")
    if not (row.get("title") or row.get("text")):
        raise BadLineError("nothing to judge: title and text are empty")
    return Article(
        id="" if identity is None else str(identity),
        title=row.get("title") or "",
        text=row.get("text") or "",
        lang=row.get("lang"),
        published=_moment(row.get("published")),
        url=row.get("url"),
        source=row.get("source"),
    )


def _moment(given: Any) -> datetime | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise BadLineError("published must be an ISO 8601 date")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _failed(identity: Any, error: str) -> str:
    shown = identity if isinstance(identity, str) else None
    return _written(
        {
            "id": shown[:_SHOWN_ID] if shown else shown,
            "incident": False,
            "outage": False,
            "confidence": 0.0,
            "level": 0,
            "certainty": None,
            "status": None,
            "scope": None,
            "victims": [],
            "attack_date": None,
            "signals": [],
            "reason": "",
            "error": error,
        }
    )
