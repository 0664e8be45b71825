"""Which entries are new, edited, or old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.decide import (
    UNDATED_TAKEN,
    Candidate,
    Decision,
    Known,
    Twin,
    Verdict,
    arrival,
    decide,
    identify,
)
from services.ingest.parsing.parsed import ParsedEntry, content_hash
from shared.events import Arrival

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FEED = "https://news.example/feed"


def entry(guid: str = "a", title: str = "A title", published: datetime | None = NOW, url: str = "") -> ParsedEntry:
    """Write an entry."""
    return ParsedEntry(guid, url or f"https://news.example/{guid}", title, "A summary.", "", "en", published)


def candidates(*entries: ParsedEntry) -> list[Candidate]:
    """Identify entries of the one feed."""
    return identify(FEED, entries, NOW)


def known(candidate: Candidate, *more_hashes: str) -> dict[str, Known]:
    """Pretend that the candidate was stored, after the given earlier words."""
    hashes = frozenset({candidate.content_hash, *more_hashes})
    return {candidate.entry_id: Known(candidate.entry_id, len(hashes), hashes, NOW - timedelta(days=2))}


def verdicts(decisions: list[Decision]) -> list[Verdict]:
    """List the verdicts alone."""
    return [decision.verdict for decision in decisions]


def test_an_entry_never_seen_is_new() -> None:
    """It is published as its first revision, with the reason."""
    [decision] = decide(candidates(entry()), {}, [], Arrival.LIVE, NOW)
    assert (decision.verdict, decision.revision, decision.reason) == (Verdict.NEW, 1, "not seen before")


def test_an_entry_with_other_words_is_a_revision() -> None:
    """It keeps the moment at which the entry was first seen."""
    [before] = candidates(entry())
    [decision] = decide(candidates(entry(title="Another")), known(before), [], Arrival.LIVE, NOW)
    assert (decision.verdict, decision.revision) == (Verdict.REVISED, 2)
    assert decision.first_seen == NOW - timedelta(days=2)


@pytest.mark.parametrize("title", ["A title", " A  title ", "A\ntitle"])
def test_spacing_alone_is_no_edit(title: str) -> None:
    """The hash is of the words."""
    [before] = candidates(entry())
    [decision] = decide(candidates(entry(title=title)), known(before), [], Arrival.LIVE, NOW)
    assert decision.verdict is Verdict.UNCHANGED


def test_words_of_an_earlier_revision_are_nothing_new() -> None:
    """Caches that answer old and new by turns do not flood the road."""
    [before] = candidates(entry(title="Newer"))
    older = content_hash(entry(title="Older"))
    [decision] = decide(candidates(entry(title="Older")), known(before, older), [], Arrival.LIVE, NOW)
    assert decision.verdict is Verdict.UNCHANGED


def test_a_new_id_for_an_old_entry_is_recognised() -> None:
    """Same link, date and words under another id are the same entry."""
    [again] = candidates(entry("other-id", url="https://news.example/a"))
    twin = Twin("https://news.example/a", NOW, again.content_hash)
    assert verdicts(decide([again], {}, [twin], Arrival.LIVE, NOW)) == [Verdict.UNCHANGED]


def test_first_contact_takes_a_week_and_no_more() -> None:
    """Older entries are stored as skipped, so that they never come as news later."""
    entries = [entry("new", published=NOW - timedelta(days=6)), entry("old", published=NOW - timedelta(days=8))]
    decisions = decide(candidates(*entries), {}, [], Arrival.FIRST_CONTACT, NOW)
    assert verdicts(decisions) == [Verdict.NEW, Verdict.SKIPPED]
    assert "older than seven days" in decisions[1].reason


def test_first_contact_takes_the_first_of_the_undated() -> None:
    """Twenty, in the feed's order; dated ones do not count."""
    entries = [entry(f"u{i}", title=f"Title {i}", published=None) for i in range(UNDATED_TAKEN + 5)]
    decisions = decide(candidates(entry("dated"), *entries), {}, [], Arrival.FIRST_CONTACT, NOW)
    assert verdicts(decisions).count(Verdict.NEW) == UNDATED_TAKEN + 1
    assert verdicts(decisions)[-5:] == [Verdict.SKIPPED] * 5


def test_a_live_feed_may_publish_old_entries() -> None:
    """There is no date cursor: what was not seen is new, however old it says it is."""
    old = entry(published=NOW - timedelta(days=300))
    assert verdicts(decide(candidates(old), {}, [], Arrival.LIVE, NOW)) == [Verdict.NEW]


def test_entries_that_share_an_id_but_not_their_link_are_told_apart() -> None:
    """None of them is lost."""
    found = candidates(entry("same", url="https://news.example/1"), entry("same", url="https://news.example/2"))
    assert len({candidate.entry_id for candidate in found}) == 2


def test_plain_repeats_count_once_and_entries_without_anything_not_at_all() -> None:
    """One document cannot publish one entry twice."""
    assert len(candidates(entry(), entry(), entry(""))) == 1


def test_a_date_far_ahead_is_dropped() -> None:
    """A publisher's wrong clock must not make its news look new for ever."""
    [found] = candidates(entry(published=NOW + timedelta(days=30)))
    assert found.entry.published is None


@pytest.mark.parametrize(
    ("last_success", "interval", "expected"),
    [
        (None, 900, Arrival.FIRST_CONTACT),
        (NOW - timedelta(hours=2), 900, Arrival.LIVE),
        (NOW - timedelta(days=2), 900, Arrival.CATCH_UP),
        (NOW - timedelta(days=2), 2 * 86400, Arrival.LIVE),
    ],
)
def test_a_backlog_is_told_from_news(last_success: datetime | None, interval: int, expected: Arrival) -> None:
    """First contact, catch-up after a day without reading, live otherwise."""
    assert arrival(last_success, interval, NOW) is expected


def test_ids_depend_on_the_feed_and_are_stable() -> None:
    """The same entry of the same feed has the same id for ever."""
    assert candidates(entry())[0].entry_id == candidates(entry(title="Edited"))[0].entry_id
    assert identify("https://other.example/feed", [entry()], NOW)[0].entry_id != candidates(entry())[0].entry_id


def test_three_entries_with_one_id_and_one_link_are_told_apart_by_their_titles() -> None:
    """Two may be an entry and its older form; three are a publisher's mistake."""
    three = [entry("same", f"Title {number}") for number in range(3)]
    assert len(identify("f", three, NOW)) == 3
    assert len(identify("f", three[:2], NOW)) == 1
