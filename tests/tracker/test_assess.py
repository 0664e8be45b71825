"""What is known of an incident, from the reports that stand."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracker.assess import assess
from services.tracker.conclude import MAX_BYTES, Cause, conclude
from services.tracker.independent import count_independent
from services.tracker.known import know
from shared.events import AlertReason, Certainty, Report, Scope, Status
from shared.signals import Signal
from tests.tracker.reports import NOW, report, victim

VALMONT = "Centre hospitalier de Valmont"


def test_facts_are_merged_from_all_reports() -> None:
    """The earliest date, the strongest certainty, the widest scope, the latest status, the largest number."""
    known = assess(
        [
            report("CH Valmont", attack=date(2026, 11, 20), certainty=Certainty.REPORTED, status=Status.ONGOING),
            report(VALMONT, day=1, attack=date(2026, 11, 19), certainty=Certainty.CONFIRMED, sites=2, data="stolen"),
            report(VALMONT, day=2, scope=Scope.GROUP, sites=3, ransom="demanded", attacker="Nightjar"),
            report(VALMONT, day=3, status=Status.CONTAINED, ransom="refused"),
        ]
    )
    facts = known.facts
    assert facts.attack_date == date(2026, 11, 19)
    assert (facts.certainty, facts.status, facts.scope) == (Certainty.CONFIRMED, Status.CONTAINED, Scope.GROUP)
    assert (facts.data, facts.ransom, facts.sites, facts.attacker) == ("stolen", "refused", 3, "Nightjar")
    assert [one.name for one in facts.victims] == [VALMONT]
    assert len(known.sources) == 4


def test_the_headline_says_what_to_whom_where_and_what_it_does() -> None:
    """One line that stands alone."""
    known = assess([report(VALMONT, Signal.EMERGENCY_CLOSED, Signal.PAPER_MODE)])
    assert known.headline == "Cyberattack on Centre hospitalier de Valmont (FR): emergency department closed"
    assert assess([report(VALMONT)]).headline.endswith(": impact unknown")
    claimed = assess([report(VALMONT, certainty=Certainty.CLAIMED)])
    assert claimed.headline.startswith("Cyberattack claimed by attackers on Centre")
    outage = assess([report(VALMONT, Signal.PAPER_MODE, incident=False, outage=True)])
    assert outage.headline.startswith("Systems down, cause unknown, at Centre hospitalier de Valmont (FR): paper")
    nameless = assess([report(victim("", "Valmont"))])
    assert nameless.headline.startswith("Cyberattack on a care provider in Valmont (FR)")


def test_level_three_at_three_sites_told_by_different_reports_is_four() -> None:
    """What each says alone is less than what they say together."""
    known = assess([report(VALMONT, Signal.SURGERY_CANCELLED), report(VALMONT, sites=3, day=0.1)])
    assert (known.level, known.peak) == (4, 4)


def test_an_emergency_needs_a_word_that_counts_or_two_independent_sources() -> None:
    """One source: 4, would be 5. The victim's word on something else does not make it 5."""
    death = report(VALMONT, Signal.DEATH, host="a.example", title="A patient died after the attack on the hospital")
    again = report(VALMONT, Signal.DEATH, host="b.example", title="Prosecutors look into a death in Valmont", day=0.2)
    confirmed = report(VALMONT, certainty=Certainty.CONFIRMED, host="c.example", day=0.3)
    assert [assess([death]).level, assess([death]).would_be] == [4, 5]
    assert assess([death, confirmed]).level == 4
    assert assess([death, again]).level == 5
    assert assess([report(VALMONT, Signal.DEATH, certainty=Certainty.CONFIRMED)]).level == 5


def test_independent_sources_are_counted_without_copies_and_claims() -> None:
    """One outlet, one wire story, one attacker: each adds nothing."""
    story = report(VALMONT, host="a.example", title="Hospital of Valmont turns patients away")
    copy = report(VALMONT, host="b.example", title="Hospital of Valmont turns patients away!")
    same_outlet = report(VALMONT, host="www.a.example", title="Valmont: what we know", entry="2")
    quote = "The emergency department has been closed since Saturday evening, the directorate said."
    wire = [
        report(VALMONT, Signal.EMERGENCY_CLOSED, host=f"{n}.example", title=f"Title of its own {n}", quote=quote)
        for n in "cd"
    ]
    claim = report(VALMONT, host="e.example", certainty=Certainty.CLAIMED)
    assert count_independent([story, copy, same_outlet]) == 1
    assert count_independent(wire) == 1
    assert count_independent([story, *wire, claim]) == 2
    assert count_independent([claim]) == 0


def test_containment_lowers_the_current_level_only() -> None:
    """The peak stays; an echo of yesterday's news raises nothing, news of a relapse does."""
    closed = report(VALMONT, Signal.EMERGENCY_CLOSED, Signal.DATA_STOLEN, status=Status.ONGOING)
    restored = report(VALMONT, Signal.RESTORED, day=3, status=Status.RESTORED)
    echo = report(VALMONT, Signal.EMERGENCY_CLOSED, day=3.2, status=Status.ONGOING)
    relapse = report(VALMONT, Signal.SURGERY_CANCELLED, day=5, status=Status.ONGOING)
    retold = report(VALMONT, Signal.EMERGENCY_CLOSED, day=200)
    assert (assess([closed, restored]).level, assess([closed, restored]).peak) == (2, 4)
    assert assess([closed, restored, echo]).level == 2
    assert assess([closed, restored, retold]).level == 2
    assert assess([closed, restored, relapse]).level == 3
    headline = assess([closed, restored]).headline
    assert headline.endswith("service restored, at its worst: emergency department closed")


def test_a_first_report_that_tells_of_the_end_too_is_graded_by_its_worst() -> None:
    """Nobody has been told of it yet."""
    assert assess([report(VALMONT, Signal.EMERGENCY_CLOSED, status=Status.RESTORED)]).level == 4


def test_absence_of_effect_lowers_an_attack_whose_impact_was_unknown() -> None:
    """From 2, impact unknown, to 1."""
    first = report(VALMONT)
    assert (assess([first]).level, assess([first]).impact_unknown, assess([first]).cap) == (2, True, "Unknown")
    known = assess([first, report(VALMONT, Signal.NO_EFFECT, day=1)])
    assert (known.level, known.peak, known.impact_unknown) == (1, 2, False)


def test_a_claim_stays_low_until_others_report_it() -> None:
    """1 by the attacker's word; what a paper reports raises it."""
    claim = report(VALMONT, Signal.ATTACKER_CLAIM, Signal.DATA_STOLEN, certainty=Certainty.CLAIMED)
    assert assess([claim]).level == 1
    known = assess([claim, report(VALMONT, Signal.DATA_STOLEN, day=1)])
    assert (known.level, known.facts.certainty) == (2, Certainty.REPORTED)


def test_evidence_is_cited_once_gravest_first_and_only_what_counts() -> None:
    """With a link to its source."""
    first = report(VALMONT, Signal.PAPER_MODE, Signal.EMERGENCY_CLOSED, host="a.example")
    known = assess([first, report(VALMONT, Signal.PAPER_MODE, host="a.example", entry="2", day=0.1)])
    assert [cited.signal for cited in known.evidence] == ["emergency_closed", "paper_mode"]
    assert known.evidence[0].url == "https://a.example/article"
    aside = first.model_copy(
        update={"evidence": tuple(one.model_copy(update={"used": False}) for one in first.evidence)}
    )
    assert assess([aside]).evidence == ()


def test_a_spelling_that_was_told_is_kept() -> None:
    """Readers are not told of a further hospital where only the spelling changed."""
    reports = [report("CH Valmont"), report(VALMONT), report(VALMONT, day=1)]
    assert assess(reports).facts.victims[0].name == VALMONT
    assert assess(reports, [victim("CH Valmont")]).facts.victims[0].name == "CH Valmont"


def test_an_alert_fits_into_a_message_whatever_sources_send() -> None:
    """Thousands of long names and addresses are cut."""
    name = "H" + "o" * 1_900
    many = [
        report([victim(f"{name} {n} {i}") for i in range(6)], Signal.EMERGENCY_CLOSED, quote=f"{n}", title=f"{n}")
        for n in range(40)
    ]
    many = [one.model_copy(update={"url": f"https://x.example/{'p' * 1900}{n}"}) for n, one in enumerate(many)]
    _, alert = conclude(many, None, Cause("a" * 32, many[0].entry_id, NOW, NOW))
    assert alert is not None
    assert len(alert.model_dump_json()) <= MAX_BYTES
    assert alert.reason is AlertReason.OPENED


_SIGNALS = st.sampled_from(list(Signal))
_REPORTS = st.lists(
    st.builds(
        lambda signals, status, certainty, day, n: report(
            VALMONT, *signals, status=status, certainty=certainty, day=day, entry=str(n), host=f"{n}.example"
        ),
        st.lists(_SIGNALS, max_size=4, unique=True),
        st.sampled_from(Status),
        st.sampled_from(Certainty),
        st.integers(0, 30),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.id,
)


@settings(max_examples=60, deadline=None)
@given(_REPORTS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(reports: list[Report], rng: random.Random) -> None:
    """Assessment and matching are functions of the set of reports."""
    shuffled = list(reports)
    rng.shuffle(shuffled)
    assert assess(reports) == assess(shuffled)
    assert know("a", reports) == know("a", shuffled)


@settings(max_examples=60, deadline=None)
@given(_REPORTS)
def test_the_current_level_never_exceeds_the_peak_and_more_evidence_never_lowers_it(reports: list[Report]) -> None:
    """The peak falls only when evidence is withdrawn."""
    peaks = [assess(reports[: n + 1]).peak for n in range(len(reports))]
    claims = [Certainty.CLAIMED in {one.facts.certainty for one in reports[: n + 1]} for n in range(len(reports))]
    assert all(assess(reports[: n + 1]).level <= peak for n, peak in enumerate(peaks))
    assert any(claims) or peaks == sorted(peaks)


def test_old_news_is_told_silently() -> None:
    """Older than seven days, by its date of publication."""
    old, fresh = report(VALMONT, day=-8), report(VALMONT, day=-6)
    assert Cause.of(old, "a", NOW, NOW).silent
    assert not Cause.of(fresh, "a", NOW + timedelta(hours=1), NOW).silent


def test_reports_of_one_story_count_as_one_source() -> None:
    """Ingest linked them: whatever their headlines, they rest on one text."""
    first = report(VALMONT, Signal.DEATH, host="a.example", title="A patient died after the attack on the hospital")
    copy = report(VALMONT, Signal.DEATH, host="b.example", title="Prosecutors look into a death in Valmont", day=0.2)
    linked = copy.model_copy(update={"story": first.entry_id})
    third = report(VALMONT, host="c.example", title="Valmont in the dark since Saturday night", day=0.3)
    sibling = third.model_copy(update={"story": first.entry_id})
    assert [count_independent([first, one]) for one in (copy, linked)] == [2, 1]
    assert count_independent([linked, sibling]) == 1
    assert [assess([first, one]).level for one in (copy, linked)] == [5, 4]
    _, alert = conclude([first, linked], None, Cause("00" * 16, first.entry_id, first.first_seen, first.first_seen))
    assert alert is not None
    assert (len(alert.sources), alert.independent_sources) == (2, 1)
