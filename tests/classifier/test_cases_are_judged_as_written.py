"""The regression cases that `codegrey explain --save-case` drafts and contributors reword, each judged as it says."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.save_case import CASES, REWORD, draft, save

FILES = sorted(CASES.glob("*.toml"))


def _article(case: dict[str, Any]) -> Article:
    published = datetime.fromisoformat(case["published"]) if case.get("published") else None
    return Article("case", case["title"], case["text"].strip(), case["lang"], published)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_case_is_judged_as_it_says(path: Path) -> None:
    """Verdict, level, victim, and which signals count or are set aside; more signals than those named may be found."""
    written = path.read_text(encoding="utf-8")
    body = "\n".join(line for line in written.splitlines() if not line.startswith("#"))
    assert REWORD not in body, f"{path.name} is a draft still: put its {REWORD} lines into your own words"
    case = tomllib.loads(written)
    judged, expected = judge(_article(case)), case["expected"]
    assert (judged.incident, judged.outage) == (expected["incident"], expected["outage"]), judged.reason
    assert judged.level == expected["level"], judged.reason
    names = [name for victim in judged.victims for name in (victim.name, *victim.aliases)]
    assert not expected["victim"] or expected["victim"] in names
    assert not expected["country"] or judged.country == expected["country"]
    assert set(expected["signals"]) <= {one.signal.value for one in judged.signals if one.used}
    assert set(expected["set_aside"]) <= {one.signal.value for one in judged.signals if not one.used}


ITEM = Article(
    "x",
    "Cyberattack at Mill Hospital",
    'A cyberattack hit "Mill Hospital", said Jo Barrow. Ambulances were diverted. No data was stolen.\\ \x00\x7f',
    "en",
    datetime(2026, 3, 2),  # noqa: DTZ001 - as a case keeps it
)


def test_a_draft_can_be_read_and_holds_what_is_expected() -> None:
    """What the judge says today, for a person to correct."""
    case = tomllib.loads(draft(ITEM, judge(ITEM)).text)
    assert "data_stolen" in case["expected"].pop("set_aside")
    case["expected"].pop("country")
    assert case["expected"] == {
        "incident": True,
        "outage": False,
        "level": 4,
        "victim": f"{REWORD}: the name that you invented",
        "signals": ["attack", "ambulances_diverted"],
    }
    assert (case["lang"], case["published"]) == ("en", "2026-03-02")


def test_a_draft_holds_no_sentence_of_the_article() -> None:
    """Only the few words that carried a signal; each line asks to be reworded."""
    drafted = draft(ITEM, judge(ITEM))
    case = tomllib.loads(drafted.text)
    assert all(line.startswith(REWORD) for line in [case["title"], case["why"], *case["text"].strip().splitlines()])
    assert "Jo Barrow" not in drafted.text
    assert ITEM.title not in drafted.text
    assert "Ambulances were diverted" in drafted.text


def test_an_item_without_signals_has_a_draft_too() -> None:
    """Three sentences to be written, nothing expected."""
    plain = Article("x", "", "Council opens a \udc80 garden", None)
    case = tomllib.loads(draft(plain, judge(plain)).text)
    assert case["text"].strip().startswith(REWORD)
    assert case["expected"]["signals"] == []


def test_a_draft_is_never_written_over(tmp_path: Path) -> None:
    """The second one of the same item would lose what was reworded in the first."""
    drafted = draft(ITEM, judge(ITEM))
    assert save(drafted, tmp_path).name == drafted.name
    with pytest.raises(FileExistsError):
        save(drafted, tmp_path)
    with pytest.raises(FileNotFoundError):
        save(drafted, tmp_path / "nowhere")
