"""Which incident a report belongs to, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.tracker.known import Known, know
from services.tracker.merge import Merge, decide, settle
from shared.events import Report
from tests.tracker.reports import Signal, Status, report, victim

VALMONT = "Centre hospitalier de Valmont"


def _known(*reports: Report, name: str = "a") -> Known:
    return know(name, reports)


def _into(one: Report, *candidates: Known) -> Merge:
    return decide(one, candidates)


def test_the_first_report_opens_an_incident() -> None:
    """Nothing known, a victim named: it opens."""
    merge = _into(report(VALMONT))
    assert (merge.incident_id, merge.opens, merge.rule) == (None, True, "new")


@pytest.mark.parametrize("days", [-40, -3, 0, 1, 30, 44])
def test_another_spelling_within_the_time_of_one_attack_is_merged(days: int) -> None:
    """Whichever outlet comes first."""
    merge = _into(report("hôpital de Valmont", day=days), _known(report(VALMONT)))
    assert (merge.incident_id, merge.rule) == ("a", "victim")
    assert "spellings of one name" in merge.reason


def test_a_second_attack_months_later_is_a_new_incident() -> None:
    """The same victim, no date, long after the last news of the first attack."""
    assert _into(report(VALMONT, day=120), _known(report(VALMONT), report(VALMONT, day=20))).opens


def test_stated_dates_of_attack_tell_two_attacks_apart() -> None:
    """News of the first may still be fresh: the dates decide."""
    first = report(VALMONT, attack=date(2026, 9, 1), day=-70)
    still = report(VALMONT, attack=date(2026, 9, 1), day=-5)
    assert _into(report(VALMONT, attack=date(2026, 11, 19)), _known(first, still)).opens
    assert not _into(report(VALMONT, attack=date(2026, 9, 3)), _known(first, still)).opens


def test_a_retold_old_attack_belongs_to_it_and_opens_nothing() -> None:
    """By its stated date, or because it is told as past."""
    old = _known(report(VALMONT, attack=date(2025, 1, 10), day=-670))
    assert _into(report(VALMONT, attack=date(2025, 1, 10)), old).incident_id == "a"
    assert _into(report(VALMONT, status=Status.PAST), old).incident_id == "a"
    assert _into(report(VALMONT, status=Status.ONGOING), old).opens


def test_a_retold_attack_does_not_draw_a_new_one_to_it() -> None:
    """A look back this week does not make this week's attack an old one."""
    old = _known(report(VALMONT, attack=date(2025, 1, 10), day=-670), report(VALMONT, attack=date(2025, 1, 10), day=-2))
    assert _into(report(VALMONT, Signal.EMERGENCY_CLOSED), old).opens


def test_papers_that_follow_a_late_disclosure_join_it() -> None:
    """Data only, no date, beside a late report that gave the date."""
    old = _known(
        report(VALMONT, attack=date(2026, 1, 10), day=-310),
        report(VALMONT, Signal.DATA_STOLEN, attack=date(2026, 1, 10), day=-3),
    )
    assert _into(report(VALMONT, Signal.DATA_STOLEN), old).incident_id == "a"


def test_two_hospitals_in_one_town_never_merge() -> None:
    """Not by the town, not by a near-identical title."""
    title = "Cyberattack hits hospital in Leipzig, operations cancelled"
    known = _known(report(victim("Universitätsklinikum Leipzig", "Leipzig", "DE"), title=title))
    other = report(victim("Klinikum St. Georg", "Leipzig", "DE"), title=title.replace("Leipzig", "Leipzig's east"))
    assert _into(other, known).opens


def test_a_towns_hospital_joins_the_fuller_name_unless_another_is_known_there() -> None:
    """A vague name gives way to one that differs."""
    full = report(victim("Klinikum St. Georg", "Leipzig", "DE"))
    vague = report(victim("Krankenhaus Leipzig", "Leipzig", "DE"))
    assert _into(vague, _known(full)).incident_id == "a"
    both = _known(full, vague)
    assert _into(report(victim("Herzzentrum Wagner", "Leipzig", "DE")), both).opens


def test_victims_of_one_supplier_merge_across_names_and_countries() -> None:
    """By the supplier, also where it is the victim to one of them."""
    lab = report(victim("Pathora", None, "GB"), Signal.LABORATORY_STOPPED)
    hospital = report(victim("King George Hospital", "London", "GB"), suppliers=("Pathora",))
    third = report(victim("Guysmouth Hospital", "London", "GB"), suppliers=("Pathora Ltd",))
    assert _into(hospital, _known(lab)).rule == "supplier"
    assert _into(third, _known(hospital)).rule == "supplier"
    assert _into(report(victim("Guysmouth Hospital", "London", "GB")), _known(hospital)).opens
    late = report(victim("Guysmouth Hospital", "London", "GB"), suppliers=("Pathora",), day=200)
    assert _into(late, _known(hospital)).opens


def test_a_report_that_names_nobody_joins_by_town_or_by_title_within_days() -> None:
    """The same town, or nearly the same title in the same country."""
    known = _known(report(victim("Klinikum Bornheim", "Bornheim", "DE"), title="Hackers hit hospital in Bornheim"))
    by_town = report(victim("the hospital", "Bornheim", "DE"), title="A town without its hospital")
    assert _into(by_town, known).incident_id == "a"
    by_title = report(None, title="Hackers hit a hospital in Bornheim")
    assert _into(by_title, known).rule == "title"
    abroad = report(victim("a hospital", None, "AT"), title="Hackers hit a hospital in Bornheim")
    assert _into(abroad, known).opens
    late = report(None, title="Hackers hit a hospital in Bornheim", day=20)
    assert _into(late, known).opens


def test_a_title_that_says_the_town_joins_the_hospital_of_that_name() -> None:
    """Outlets abroad write "a French hospital in Valmont"; whichever comes first, not from another country."""
    abroad = report(victim("French Hospital"), title="Patients moved as hackers hit hospital in Valmont")
    named_one = report(VALMONT, title="Urgences fermées")
    assert _into(abroad, _known(named_one)).rule == "title"
    assert _into(named_one, _known(abroad)).rule == "title"
    elsewhere = report(victim("Belgian hospital", None, "BE"), title="Patients moved as hackers hit Valmont")
    assert _into(elsewhere, _known(named_one)).opens


def test_a_report_that_names_nobody_opens_only_from_level_two() -> None:
    """A bare claim about no one alerts no one."""
    assert _into(report(None, level=2)).opens
    merge = _into(report(None, level=1))
    assert (merge.opens, merge.rule) == (False, "nameless")


def test_what_is_no_attack_belongs_to_no_incident() -> None:
    """It is kept, with the reason."""
    merge = _into(report(VALMONT, incident=False), _known(report(VALMONT)))
    assert (merge.incident_id, merge.opens, merge.rule) == (None, False, "no_attack")


def test_a_harmless_cause_goes_to_the_open_outage_and_to_no_attack() -> None:
    """It closes an outage; an attack is not undone by another article."""
    harmless = report(VALMONT, incident=False, reason="not an incident of care (head:harmless “power outage” −1.2)")
    assert _into(harmless, _known(report(VALMONT, incident=False, outage=True))).rule == "harmless"
    assert _into(harmless, _known(report(VALMONT))).rule == "no_attack"


def test_after_a_persons_retraction_only_a_later_attack_opens_a_new_incident() -> None:
    """Reports of the same attack go to the retracted incident."""
    known = _known(report(VALMONT)).model_copy(update={"retracted_at": datetime(2026, 11, 21, tzinfo=UTC)})
    assert _into(report(VALMONT, day=2), known).incident_id == "a"
    assert _into(report(VALMONT, day=10, attack=date(2026, 11, 29)), known).opens


def test_the_best_name_wins_then_the_nearest_in_time() -> None:
    """Ties do not depend on the order of the candidates."""
    vague = _known(report("hôpital Simone-Arnaud de Valmont"), name="vague")
    exact = _known(report("CH Valmont", day=-20), name="exact")
    near = _known(report("CH Valmont", day=-2), name="near")
    for candidates in ((vague, exact, near), (near, exact, vague)):
        assert _into(report(VALMONT), *candidates).incident_id == "near"


def test_a_revision_stays_unless_it_names_another_hospital() -> None:
    """Also where it no longer names one; where it is the only support, it always stays."""
    others = _known(report(victim("Universitätsklinikum Leipzig", "Leipzig", "DE")))
    alone = Known(id="a", first=others.first, last=others.last)
    other = report(victim("Klinikum St. Georg", "Leipzig", "DE"))
    assert settle(report(None, level=1), [], others).incident_id == "a"
    assert settle(other, [others], others).opens
    assert settle(other, [alone], alone).incident_id == "a"
    assert settle(report(VALMONT, incident=False), [others], others).incident_id is None
