"""Read the one text that `codegrey explain` is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from services.classifier.article import Article
from services.classifier.judge_lines import BadLineError, article_of


class WrongSourceError(ValueError):
    """Say what is wrong with what was given."""


def given_at(source: str) -> str:
    """Return what stands in a file, or comes by standard input; what is not UTF-8 is read as far as it goes."""
    if source == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    path = Path(source)
    if not path.is_file():
        raise WrongSourceError(f"no such file: {source}")
    return path.read_bytes().decode("utf-8", "replace")


def article_in(given: str, source: str) -> Article:
    """Make an article of plain text, or of a JSON object with `title` and `text`."""
    if given.lstrip().startswith("{"):
        try:
            return article_of(json.loads(given))
        except BadLineError as error:
            raise WrongSourceError(str(error)) from error
        except (ValueError, RecursionError):
            pass  # a text that begins with a brace is a text
    if not given.strip():
        raise WrongSourceError("nothing to explain: the text is empty")
    name = "standard input" if source == "-" else Path(source).name
    return Article(id=name, title="", text=given)
