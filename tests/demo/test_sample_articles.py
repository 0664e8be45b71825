"""The sample articles: fit for the demo, and judged as a careful reader would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.classifier.article import Article as Judged
from services.classifier.judge import judge
from services.launcher.demo.edition import entries
from services.launcher.demo.samples import Outlet, Version, outlets, read_outlet
from shared.gate import gate

STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALL = [
    pytest.param(outlet, version, id=f"{outlet.key}-{article.slug}-{place}")
    for outlet in outlets()
    for article in outlet.articles
    for place, version in enumerate(article.versions(), start=1)
]


@pytest.mark.parametrize(("outlet", "version"), ALL)
def test_the_judge_gives_the_verdict_that_a_careful_reader_would(outlet: Outlet, version: Version) -> None:
    """What the feed carries of each article is judged as its data file expects."""
    text, expected = outlet.carried(version), version.expected
    verdict = judge(Judged("sample", version.title, text, lang=outlet.language, published=STARTED, source=outlet.name))
    passed = gate(f"{version.title}\n\n{text}").passed
    told = (passed and verdict.incident, passed and verdict.outage)
    assert told == (expected.incident, expected.outage), verdict.reason
    if expected.incident or expected.outage:
        assert expected.level[0] <= verdict.level <= expected.level[1], verdict.reason
    if expected.victim:
        assert any(expected.victim in victim.name for victim in verdict.victims), verdict.victims
    if expected.country:
        assert (verdict.country or outlet.country) == expected.country, verdict.victims


def test_the_samples_show_five_languages_every_kind_of_trap_and_several_levels() -> None:
    """The demo shows what it promises: attacks at several levels, an outage, a revision, traps."""
    versions = [version for outlet in outlets() for article in outlet.articles for version in article.versions()]
    assert {outlet.language for outlet in outlets()} == {"fr", "en", "de", "es", "it"}
    assert {version.expected.level[1] for version in versions} >= {0, 2, 3, 4}
    assert sum(not version.expected.incident and not version.expected.outage for version in versions) == 8
    assert sum(version.expected.outage for version in versions) == 1
    assert 15 <= sum(len(outlet.articles) for outlet in outlets()) <= 18


def test_articles_appear_in_their_time_and_a_restart_shows_the_same() -> None:
    """Dates hang on the first reading: later readings only add, and never change what stands."""
    outlet = next(outlet for outlet in outlets() if outlet.key == "courrier")
    first = entries(outlet, STARTED, STARTED)
    assert [entry.article.slug for entry in first] == ["exercice-pont-arlain", "saint-brevant-deux-ans"]
    later = entries(outlet, STARTED, STARTED + timedelta(seconds=20))
    assert later[0].article.slug == "trevazec"
    assert later[1:] == first
    revised = entries(outlet, STARTED, STARTED + timedelta(days=3))
    assert revised[0].published == later[0].published
    assert revised[0].updated > later[0].updated
    assert "plan blanc" in revised[0].version.title


def test_every_feed_shows_something_at_the_first_reading() -> None:
    """First contact finds entries in each feed, so that what comes later is news and no backlog."""
    assert all(entries(outlet, STARTED, STARTED) for outlet in outlets())


@pytest.mark.parametrize(
    ("change", "wrong"),
    [("after_seconds = 15", "minutes_before = 5\nafter_seconds = 15"), ("after_seconds = 85", "after_seconds = 10")],
)
def test_a_sample_that_contradicts_itself_is_refused(change: str, wrong: str) -> None:
    """An article is old or new, and its revisions come after it."""
    from services.launcher.demo.samples import FOLDER

    content = (FOLDER / "courrier.toml").read_text("utf-8")
    with pytest.raises(ValueError, match="trevazec"):
        read_outlet(content.replace(change, wrong, 1))
