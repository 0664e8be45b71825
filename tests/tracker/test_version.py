"""When an incident gets a new version, and for what reason."""

from __future__ import annotations

from datetime import date

import pytest

from services.tracker.conclude import Cause, closing_report, conclude, retract
from shared.events import Alert, AlertReason, Certainty, Report, Status
from shared.signals import Signal
from tests.tracker.reports import NOW, report, victim

VALMONT = "Centre hospitalier de Valmont"
CAUSE = Cause("a" * 32, "b" * 32, NOW, NOW)
WITHDRAWN = Cause("a" * 32, "b" * 32, NOW, NOW, withdrawn=True)
HARMLESS = "not an incident of care (head:harmless “power outage” −1.2)"


def _alert(*reports: Report) -> Alert:
    alert = conclude(reports, None, CAUSE)[1]
    assert alert is not None
    return alert


def _next(before: Alert, *reports: Report, cause: Cause = CAUSE) -> Alert | None:
    return conclude(reports, before, cause)[1]


FIRST = report(VALMONT, Signal.PAPER_MODE, certainty=Certainty.REPORTED)
CLOSED = report(VALMONT, Signal.EMERGENCY_CLOSED, day=0.5)


@pytest.mark.parametrize(
    ("before", "after", "cause", "reason"),
    [
        ([FIRST], [FIRST, CLOSED], CAUSE, AlertReason.ESCALATED),
        ([FIRST], [FIRST, report(VALMONT, day=1, certainty=Certainty.CONFIRMED)], CAUSE, AlertReason.CONFIRMED),
        ([FIRST], [FIRST, report(VALMONT, day=1, status=Status.RESTORED)], CAUSE, AlertReason.LOWERED),
        ([FIRST], [FIRST, report(VALMONT, day=1)], CAUSE, AlertReason.UPDATED),
        ([FIRST], [FIRST, report(VALMONT, Signal.DATA_PUBLISHED, day=1)], CAUSE, AlertReason.UPDATED),
        ([FIRST, CLOSED], [FIRST], WITHDRAWN, AlertReason.CORRECTED),
        (
            [report(VALMONT, attack=date(2026, 11, 1))],
            [report(VALMONT, attack=date(2026, 11, 19))],
            WITHDRAWN,
            AlertReason.CORRECTED,
        ),
        (
            [report(VALMONT)],
            [report("Clinique du Lac, Dourville", Signal.NO_EFFECT)],
            WITHDRAWN,
            AlertReason.CORRECTED,
        ),
        (
            [report(VALMONT, certainty=Certainty.CLAIMED)],
            [report(VALMONT, certainty=Certainty.CLAIMED), report(VALMONT, Signal.NO_EFFECT, day=1)],
            CAUSE,
            AlertReason.CONFIRMED,
        ),
        (
            [report(VALMONT, Signal.EMERGENCY_CLOSED, incident=False, outage=True)],
            [report(VALMONT, Signal.EMERGENCY_CLOSED, incident=False, outage=True), report(VALMONT, day=1)],
            CAUSE,
            AlertReason.ESCALATED,
        ),
    ],
)
def test_each_difference_has_its_reason(
    before: list[Report], after: list[Report], cause: Cause, reason: AlertReason
) -> None:
    """The table of reasons."""
    alert = _next(_alert(*before), *after, cause=cause)
    assert alert is not None
    assert alert.reason is reason
    assert alert.version == 2
    assert alert.changes


def test_a_revision_that_says_worse_is_no_correction_for_what_it_leaves_out() -> None:
    """A rise is told as one; at the same level it is news; what was the gravest and is gone is a correction."""
    small = (Signal.PAPER_MODE, Signal.APPOINTMENTS_CANCELLED)
    first = report(VALMONT, *small, entry="a")
    graver = report(VALMONT, Signal.PAPER_MODE, Signal.CRISIS_PLAN, Signal.EMERGENCY_CLOSED, entry="a", revision=2)
    other = report(VALMONT, Signal.AMBULANCES_DIVERTED, day=0.1, entry="b")
    rise = _next(_alert(first), graver, cause=WITHDRAWN)
    assert rise is not None
    assert (rise.reason, rise.level) == (AlertReason.ESCALATED, 4)
    assert rise.headline.endswith(": emergency department closed, crisis plan declared")
    same = _next(_alert(first, other), graver, other, cause=WITHDRAWN)
    assert same is not None
    assert (same.reason, same.level) == (AlertReason.UPDATED, 4)
    assert same.headline.endswith(": emergency department closed, ambulances or emergency patients diverted")
    gone = _next(_alert(graver, other), first, other, cause=WITHDRAWN)
    assert gone is not None
    assert gone.reason is AlertReason.CORRECTED


def test_what_a_reader_would_not_notice_is_no_new_version() -> None:
    """The same facts in other words."""
    reworded = FIRST.model_copy(
        update={"evidence": tuple(one.model_copy(update={"quote": "other words"}) for one in FIRST.evidence)}
    )
    assert _next(_alert(FIRST), reworded, cause=WITHDRAWN) is None


def test_changes_are_told_in_words() -> None:
    """Before and after, the gravest first."""
    alert = _next(_alert(FIRST), FIRST, CLOSED)
    assert alert is not None
    told = [(change.field, change.before, change.after) for change in alert.changes]
    assert told[0] == ("level", "3 high", "4 critical")
    assert ("sources", "1 report", "2 reports") in told
    assert ("effects", "paper or degraded mode", "emergency department closed; paper or degraded mode") in told


def test_an_incident_without_support_is_retracted_by_correction_once() -> None:
    """And opened again, as a rise, where a report supports it again."""
    before = _alert(FIRST)
    state, alert = conclude([], before, WITHDRAWN)
    assert (state, alert and alert.reason, alert and alert.level) == ("corrected", AlertReason.RETRACTED, 0)
    assert alert is not None
    assert alert.headline.startswith("Retracted: Cyberattack on")
    assert conclude([], alert, WITHDRAWN) == ("corrected", None)
    state, again = conclude([CLOSED], alert, CAUSE)
    assert (state, again and again.reason, again and again.version) == ("open", AlertReason.ESCALATED, 3)


def test_a_harmless_cause_closes_an_outage() -> None:
    """Its peak is kept; echoes keep it closed, an attack or a later outage opens it again."""
    outage = report(VALMONT, Signal.EMERGENCY_CLOSED, incident=False, outage=True)
    harmless = report(VALMONT, day=1, incident=False, reason=HARMLESS, title="Burst pipe stopped the hospital")
    echo = report(VALMONT, Signal.EMERGENCY_CLOSED, day=2, incident=False, outage=True)
    later = report(VALMONT, Signal.EMERGENCY_CLOSED, day=9, incident=False, outage=True)
    state, alert = conclude([outage, harmless], _alert(outage), CAUSE)
    assert (state, alert and alert.reason) == ("closed", AlertReason.CLOSED)
    assert alert is not None
    assert (alert.level, alert.peak, alert.note) == (0, 4, "harmless cause stated: Burst pipe stopped the hospital")
    assert conclude([outage, harmless, echo], alert, CAUSE) == ("closed", None)
    assert closing_report([outage, harmless, later]) is None
    attack = conclude([outage, harmless, report(VALMONT, day=1.5)], alert, CAUSE)[1]
    assert attack is not None
    assert (attack.reason, attack.kind) == (AlertReason.ESCALATED, "incident")


def test_a_person_retracts_with_a_reason() -> None:
    """The reason stands in the note."""
    alert = retract(_alert(FIRST), CAUSE, "mistaken for another town")
    assert (alert.reason, alert.level, alert.version) == (AlertReason.RETRACTED, 0, 2)
    assert alert.note == "mistaken for another town"
    assert alert.facts.victims == (victim(VALMONT),)
