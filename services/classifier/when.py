"""Read the day of the attack: a written date, a weekday or "yesterday", beside the words of the attack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from babel import Locale
from babel.core import UnknownLocaleError

from services.classifier.reading import Reading, Sentence

_OLDEST = date(2000, 1, 1)
_CJK_DATE = re.compile(r"(?:(\d{4})\s?年\s?)?(\d{1,2})\s?月\s?(\d{1,2})\s?(?:日|号|號)")
_DIGIT = re.compile(r"\d")
_ISO_DATE = re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)")
_NUMERIC = re.compile(r"(?<![\d.])(\d{1,2})[./](\d{1,2})[./](20\d\d)(?!\d)")
_ORDINAL = r"(?:st|nd|rd|th|er|º|ª|°|\.|:e)?"
_RELATIVE = {"yesterday": 1, "today": 0}


@dataclass(frozen=True, slots=True)
class When:
    """Hold a date read in a text: where it stands and whether its year was written."""

    day: date
    start: int
    full: bool


def attack_date(reading: Reading, told_in: list[Sentence]) -> date | None:
    """Return the day of the attack, from the sentences that tell of it, or None.

    A written date wins over a weekday. What lacks a year, or is a weekday, is the last such day up to the
    day of publication (or up to the first full date in the text, where it is not known).
    """
    anchor = _anchor(reading)
    candidates: list[tuple[int, int, date]] = []
    for rank, sentence in enumerate(told_in):
        events = [h.start for h in sentence.of("cyber", "breach", "hacked", "hacker", "outage")] or [sentence.start]
        for when in _dates(reading, sentence, anchor):
            if when.day >= _OLDEST and (anchor is None or when.day <= anchor):
                distance = min(abs(when.start - event) for event in events)
                candidates.append((0 if distance < 120 else 1, rank * 100 + distance, when.day))
    return min(candidates)[2] if candidates else None


def _anchor(reading: Reading) -> date | None:
    if reading.article.published:
        return reading.article.published.date()
    whole = Sentence(0, 0, len(reading.document), ())
    return next((w.day for w in _written(reading, whole, None) if w.full), None)


def _dates(reading: Reading, sentence: Sentence, anchor: date | None) -> Iterator[When]:
    yield from _written(reading, sentence, anchor)
    if anchor is None:
        return
    text = reading.lowered[sentence.start : sentence.end]
    for language in reading.languages:
        pattern, days = _weekdays(language)
        for found in pattern.finditer(text) if pattern else ():
            back = (anchor.weekday() - days[found.group(1)]) % 7
            yield When(anchor - timedelta(days=back), sentence.start + found.start(), False)
    for hit in sentence.hits:
        if hit.concept in _RELATIVE:
            yield When(anchor - timedelta(days=_RELATIVE[hit.concept]), hit.start, False)


def _written(reading: Reading, sentence: Sentence, anchor: date | None) -> Iterator[When]:
    text = reading.lowered[sentence.start : sentence.end]
    if not _DIGIT.search(text):
        return
    for found in _ISO_DATE.finditer(text):
        yield from _when(found.group(1), int(found.group(2)), found.group(3), anchor, sentence.start + found.start())
    for found in _CJK_DATE.finditer(text):
        yield from _when(found.group(1), int(found.group(2)), found.group(3), anchor, sentence.start + found.start())
    for found in _NUMERIC.finditer(text):
        yield from _when(found.group(3), int(found.group(2)), found.group(1), anchor, sentence.start + found.start())
    for language in dict.fromkeys((*reading.languages, "en")):
        day_first, month_first, months = _months(language)
        for pattern in (day_first, month_first):
            for found in pattern.finditer(text) if pattern else ():
                month = months[found.group("month")]
                yield from _when(found.group("year"), month, found.group("day"), anchor, sentence.start + found.start())


def _when(year: str | None, month: int, day: str, anchor: date | None, start: int) -> Iterator[When]:
    try:
        if year:
            yield When(date(int(year), month, int(day)), start, True)
        elif anchor:
            guess = date(anchor.year, month, int(day))
            yield When(guess if guess <= anchor else guess.replace(year=anchor.year - 1), start, False)
    except ValueError:
        return


@cache
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


@cache
def _months(language: str) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None, dict[str, int]]:
    locale = _locale(language)
    if locale is None:
        return None, None, {}
    names: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                plain = str(name).lower().rstrip(".")
                if len(plain) > 2 and plain.isalpha():
                    names.setdefault(plain, int(number))
    if not names:
        return None, None, {}
    month = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    day_first = re.compile(
        rf"(?<!\d)(?P<day>\d{{1,2}}){_ORDINAL}\s(?:de\s|of\s)?(?P<month>{month})\.?(?!\w)(?:\s(?:de\s|del\s)?(?P<year>20\d\d))?"
    )
    month_first = re.compile(
        rf"(?<!\w)(?P<month>{month})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s(?P<year>20\d\d))?"
    )
    return day_first, month_first, names


@cache
def _weekdays(language: str) -> tuple[re.Pattern[str] | None, dict[str, int]]:
    locale = _locale(language)
    if locale is None or language in {"zh", "ja", "ko"}:
        return None, {}
    days: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for number, name in locale.days[context]["wide"].items():
            days.setdefault(str(name).lower(), int(number))
    names = "|".join(sorted(map(re.escape, days), key=len, reverse=True))
    return re.compile(rf"(?<!\w)({names})s?(?!\w)"), days
