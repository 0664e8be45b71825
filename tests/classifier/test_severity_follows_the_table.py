"""The severity table of the design, rule by rule."""

from __future__ import annotations

import pytest

from shared.severity import Facts, grade
from shared.signals import CAP_WORDS, MEANINGS, Certainty, Scope, Signal

CONFIRMED = Facts(certainty=Certainty.CONFIRMED)


@pytest.mark.parametrize("signal", [s for s in Signal if MEANINGS[s].level == 4])
def test_each_signal_of_level_4_makes_it_critical(signal: Signal) -> None:
    """Every row of the table's fourth line stands by itself."""
    graded = grade([Signal.ATTACK, signal])
    assert (graded.level, graded.cap, graded.justified_by) == (4, "Severe", (signal,))


@pytest.mark.parametrize("signal", [s for s in Signal if MEANINGS[s].level == 3])
def test_each_signal_of_level_3_makes_it_high(signal: Signal) -> None:
    """Every row of the table's third line stands by itself."""
    graded = grade([Signal.ATTACK, signal])
    assert (graded.level, graded.cap) == (3, "Moderate")


@pytest.mark.parametrize(
    ("signals", "facts", "level", "rule"),
    [
        ([], None, 0, "none"),
        ([Signal.ATTACK], None, 2, "impact_unknown"),
        ([Signal.ATTACK, Signal.RANSOM_DEMANDED], None, 2, "ransom_only"),
        ([Signal.ATTACK, Signal.DATA_STOLEN], None, 2, "data_stolen"),
        ([Signal.ATTACK, Signal.OFFICE_SYSTEMS_HIT], None, 2, "office_systems_hit"),
        ([Signal.ATTACK, Signal.BLOCKED], None, 1, "blocked"),
        ([Signal.ATTACK, Signal.CONTAINED], None, 2, "impact_unknown"),
        ([Signal.ATTACK, Signal.CONTAINED, Signal.NO_EFFECT], None, 1, "no_effect"),
        ([Signal.ATTACK, Signal.WEBSITE_FLOODED], None, 1, "website_flooded"),
        ([Signal.ATTACK, Signal.WEBSITE_DEFACED], None, 1, "website_defaced"),
        ([Signal.ATTACK, Signal.ATTACKER_CLAIM], Facts(certainty=Certainty.CLAIMED), 1, "claim_only"),
        (
            [Signal.ATTACK, Signal.ATTACKER_CLAIM, Signal.DATA_STOLEN],
            Facts(certainty=Certainty.CLAIMED),
            1,
            "claim_only",
        ),
        (
            [Signal.ATTACKER_CLAIM, Signal.SAMPLES_SEEN],
            Facts(certainty=Certainty.CLAIMED),
            2,
            "claim_with_samples",
        ),
        (
            [Signal.ATTACK, Signal.DATA_PUBLISHED],
            Facts(published_by_attacker_only=True),
            2,
            "data_published",
        ),
        ([Signal.ATTACK, Signal.PAPER_MODE], Facts(sites=2), 3, "paper_mode"),
        ([Signal.ATTACK, Signal.PAPER_MODE], Facts(sites=3), 4, "many_sites"),
        ([Signal.ATTACK, Signal.PAPER_MODE], Facts(supplier_customers=True), 4, "supplier_customers"),
        ([Signal.ATTACK, Signal.PAPER_MODE], Facts(disrupted_days=14), 3, "paper_mode"),
        ([Signal.ATTACK, Signal.PAPER_MODE], Facts(disrupted_days=15), 4, "long_disruption"),
        ([Signal.ATTACK, Signal.CRISIS_TEAM], Facts(sites=5), 3, "crisis_team"),
        # Data, websites and mail never raise, however many sites or days.
        ([Signal.ATTACK, Signal.DATA_STOLEN], Facts(sites=40, disrupted_days=90), 2, "data_stolen"),
        ([Signal.ATTACK, Signal.DATA_PUBLISHED], Facts(sites=40), 3, "data_published"),
        ([Signal.ATTACK, Signal.WEBSITE_FLOODED], Facts(sites=9), 1, "website_flooded"),
        ([Signal.OUTAGE, Signal.EMERGENCY_CLOSED], None, 4, "emergency_closed"),
        ([Signal.OUTAGE, Signal.NETWORK_DOWN], None, 3, "network_down"),
    ],
)
def test_a_rule_of_the_table_gives_its_level(signals: list[Signal], facts: Facts | None, level: int, rule: str) -> None:
    """One line of the table, one case."""
    graded = grade(signals, facts)
    assert (graded.level, graded.rule) == (level, rule)
    assert graded.reason


@pytest.mark.parametrize(
    ("signals", "facts"),
    [
        ([Signal.DEATH], {}),
        ([Signal.EMERGENCY_CLOSED], {"diverting_sites": 5}),
        ([Signal.AMBULANCES_DIVERTED], {"diverting_sites": 7}),
        ([Signal.NETWORK_DOWN], {"scope": Scope.NATIONAL}),
        ([Signal.PAPER_MODE], {"scope": Scope.REGION}),
        ([Signal.RECORDS_DOWN], {"sites_down": 20}),
    ],
)
def test_an_emergency_needs_a_word_that_counts(signals: list[Signal], facts: dict[str, object]) -> None:
    """Level 5 by the victim, an authority, a court or two sources; else 4 that says what it would be."""
    unsure = grade([Signal.ATTACK, *signals], Facts(certainty=Certainty.REPORTED, **facts))  # type: ignore[arg-type]
    assert (unsure.level, unsure.would_be) == (4, 5)
    assert "would be 5 if confirmed" in unsure.reason
    sure = grade([Signal.ATTACK, *signals], Facts(certainty=Certainty.CONFIRMED, **facts))  # type: ignore[arg-type]
    assert (sure.level, sure.would_be, sure.cap) == (5, None, "Extreme")
    twice = grade([Signal.ATTACK, *signals], Facts(independent_sources=2, **facts))  # type: ignore[arg-type]
    assert twice.level == 5


def test_four_diverting_hospitals_are_no_emergency() -> None:
    """Five hospitals are the bound."""
    assert grade([Signal.AMBULANCES_DIVERTED], Facts(certainty=Certainty.CONFIRMED, diverting_sites=4)).level == 4


@pytest.mark.parametrize("signal", list(Signal))
def test_a_ransom_never_raises_a_level(signal: Signal) -> None:
    """A ransom beside anything leaves its level, as does who attacked."""
    alone = grade([Signal.ATTACK, signal], CONFIRMED)
    assert grade([Signal.ATTACK, signal, Signal.RANSOM_DEMANDED], CONFIRMED).level == alone.level


def test_unknown_impact_is_shown_as_unknown_and_not_as_none() -> None:
    """An attack with nothing stated of its effect is moderate, CAP Unknown."""
    graded = grade([Signal.ATTACK])
    assert (graded.level, graded.cap, graded.impact_unknown) == (2, "Unknown", True)


def test_every_level_has_its_cap_word() -> None:
    """The table's last column."""
    assert CAP_WORDS == ("", "Minor", "Minor", "Moderate", "Severe", "Extreme")
