"""Draft a regression case from an item that was judged: what is expected, and where to tell it in one's own words.

A draft holds none of the article's sentences. It says what the text must hold, with the few words that carried each
signal, and its test fails until every REWORD is gone.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from services.classifier.article import Article
from services.classifier.judgement import Evidence, Judgement
from shared.signals import level_of, words

CASES = Path(__file__).parents[2] / "tests" / "classifier" / "cases"
REWORD = "REWORD"
_QUOTE_CHARACTERS = 60
_QUOTES = 12
_HEAD = """# A regression case, drafted by `codegrey explain --save-case`. Before it is committed:
# 1. Replace each REWORD line by a sentence of your own that says the same; copy nothing from an article, invent names
#    and places. Judge it with `codegrey explain` until it goes wrong as the article did.
# 2. Correct [expected]: it is what the judge says today, not what is right.
# 3. Say in `why` what is tested. tests/classifier/test_cases_are_judged_as_written.py runs it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold a case's file name and what stands in it."""

    name: str
    text: str


def draft(article: Article, judgement: Judgement) -> Draft:
    """Draft a case; the same item gives the same name."""
    kind = "incident" if judgement.incident else "outage" if judgement.outage else "none"
    digest = hashlib.sha256(f"{article.title}\n\n{article.text}".encode("utf-8", "replace")).hexdigest()[:8]
    language = re.sub(r"[^a-z]", "", (judgement.language or "xx").lower())[:3] or "xx"
    used = [one for one in judgement.signals if one.used]
    aside = [one for one in judgement.signals if not one.used]
    title = [one for one in judgement.signals if one.field == "title"]
    lines = [
        *(one for one in (_line(e) for e in _once(judgement.signals)) if one),
    ] or [f"{REWORD}: what the article says, in two or three sentences of your own."]
    parts = [
        _HEAD,
        f"why = {_string(f'{REWORD}: what this case tests')}",
        f"lang = {_string(language)}",
        f"published = {_string(article.published.date().isoformat() if article.published else '')}",
        f"title = {_string(_title(article, title))}",
        'text = """',
        *lines,
        '"""',
        "",
        "[expected]",
        f"incident = {_truth(judgement.incident)}",
        f"outage = {_truth(judgement.outage)}",
        f"level = {judgement.level}",
        f"victim = {_string(f'{REWORD}: the name that you invented' if judgement.victims else '')}",
        f"country = {_string(judgement.sure_country or '')}",
        f"signals = {_list(used)}",
        f"set_aside = {_list(aside)}",
    ]
    return Draft(f"{language}_{kind}_{digest}.toml", "\n".join(parts) + "\n")


def save(drafted: Draft, folder: Path | None = None) -> Path:
    """Write a draft into the folder of cases; FileExistsError where the item has one, FileNotFoundError without it."""
    path = (folder or CASES) / drafted.name
    with path.open("x", encoding="utf-8") as file:
        file.write(drafted.text)
    return path


def _title(article: Article, signals: list[Evidence]) -> str:
    if not article.title.strip():
        return ""
    held = "; ".join(dict.fromkeys(words(one.signal) for one in signals)) or "no signal"
    return f"{REWORD}: a headline of your own that holds: {held}"


def _once(signals: tuple[Evidence, ...]) -> list[Evidence]:
    """Return each signal of the text once for each way that it was taken, in the text's order."""
    kept: dict[tuple[str, bool], Evidence] = {}
    for one in signals:
        if one.field == "text":
            kept.setdefault((one.signal.value, one.used), one)
    return list(kept.values())[:_QUOTES]


def _line(one: Evidence) -> str:
    quote = _escaped(" ".join(one.quote.split())[:_QUOTE_CHARACTERS])
    taken = f"level {level_of(one.signal)}" if one.used else f"set aside: {_escaped(one.why[:_QUOTE_CHARACTERS])}"
    return f"{REWORD}: a sentence that says “{words(one.signal)}” by words like “{quote}” ({taken})."


def _escaped(text: str) -> str:
    """Make text fit for a string of TOML, without its quotes."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)[1:-1].replace("\x7f", "")


def _string(text: str) -> str:
    return f'"{_escaped(text)}"'


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _list(signals: list[Evidence]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in dict.fromkeys(one.signal.value for one in signals)) + "]"
