"""Two spellings of one hospital are the same; two hospitals of one town are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.keys import exact_keys, spelling_keys, stored_keys
from services.tracker.likeness import Kind, compare_victims
from services.tracker.names import fold, read_name, same_word
from shared.events import Victim

V = Victim


def _v(text: str) -> Victim:
    name, _, place = text.partition(" @ ")
    return Victim(name=name, place=place or None)


SAME = [
    ("凡尔赛医院中心 (Centre Hospitalier de Versailles)", "Centre hospitalier de Versailles"),
    ("Centre hospitalier de Valmont", "CH Valmont"),
    ("Centre Hospitalier de Valmont", "hôpital de Valmont"),
    ("Hôpital de Valmont (Simone Arnaud)", "Hôpital Simone-Arnaud"),
    ("CHSV", "Centre Hospitalier Sud Valmontois"),
    ("UHS", "Universal Health Services"),
    ("HSE", "Health Service Executive"),
    ("Universitätsklinikum Düsseldorf", "Duesseldorf University Hospital"),
    ("Uniklinik Düsseldorf", "clinique universitaire de Düsseldorf"),
    ("Uniklinik Köln", "University Hospital of Cologne"),
    ("Fakultní nemocnice Brno", "University Hospital Brno"),
    ("Szpital Kliniczny w Krakowie", "University Hospital Kraków"),
    ("Ospedale San Donato di Arezzo", "Ospedale Donato, Arezzo"),
    ("Hospital Clínic de Barcelona", "Barcelona's Hospital Clinic"),
    ("Lukaskrankenhaus Neuss", "Lukas hospital in Neuss"),
    ("Northgate Health NHS Trust", "Northgate Health"),
    ("Northgate Health NHS Foundation Trust", "northgate health nhs trust"),
    ("Alles Lægehus", "alles Laegehus"),
    ("半田病院", "つるぎ町立半田病院"),
    ("Hospital Francillien", "Hôpital Francilien"),
    ("St. Mary's Hospital Alderton", "Saint Mary Hospital, Alderton"),
    ("Institut Verneuil cancer centre @ Lyon", "Institut Verneuil @ Lyon"),
]

VAGUE = [
    ("Centre hospitalier de Valmont", "hôpital Simone-Arnaud de Valmont"),
    ("Centre hospitalier de Valmont @ Valmont", "hôpital Simone-Arnaud @ Valmont"),
    ("the hospital @ Valmont", "Centre hospitalier Simone-Arnaud @ Valmont"),
    ("Universitätsklinikum Carl Gustav Dresden", "University Hospital Dresden"),
    ("CHU de Rouen (Seine-Maritime)", "CHU Rouen Normandie"),
]

DIFFERENT = [
    ("University Hospital Leipzig", "Klinikum St. Georg Leipzig"),
    ("University Hospital Leipzig @ Leipzig", "Klinikum St. Georg @ Leipzig"),
    ("Hôpital Saint-Louis, Paris", "Hôpital Saint-Antoine, Paris"),
    ("Hôpital Saint-Louis @ Paris", "Hôpital Saint-Antoine @ Paris"),
    ("Hospital Clínic de Barcelona", "Hospital de Sant Pau Barcelona"),
    ("Alderton hospital", "Alderton Children's Hospital"),
    ("Alderton General Hospital @ Alderton", "Alderton Eye Clinic @ Alderton"),
    ("Kinderspital Zürich", "Universitätsspital Zürich"),
    ("North Alderton Hospital", "South Alderton Hospital"),
    ("Hospital No. 5 Kyiv", "Hospital No. 7 Kyiv"),
    ("Städtisches Klinikum Bornheim", "Universitätsklinikum Bornheim"),
    ("Ospedale San Carlo Milano", "Ospedale San Raffaele Milano"),
]

UNRELATED = [
    ("Synlab", "Synnovis"),
    ("hospital", "clinic"),
    ("Memorial Hospital", "Alderton Memorial Hospital"),
    ("Centre hospitalier de Valmont", "Centre hospitalier de Dourville"),
    ("Eastern Health", "Western Health"),
]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (kind, one, other)
        for kind, pairs in (
            (Kind.SAME, SAME),
            (Kind.VAGUE, VAGUE),
            (Kind.DIFFERENT, DIFFERENT),
            (Kind.UNRELATED, UNRELATED),
        )
        for one, other in pairs
    ],
)
def test_names_compare_the_same_from_both_sides(kind: Kind, one: str, other: str) -> None:
    """Each pair is what its table says, whichever comes first."""
    assert compare_victims(_v(one), _v(other)).kind is kind, compare_victims(_v(one), _v(other))
    assert compare_victims(_v(other), _v(one)).kind is kind


@pytest.mark.parametrize(("one", "other"), SAME + VAGUE)
def test_what_is_alike_is_found_by_a_key(one: str, other: str) -> None:
    """The store offers for comparison whatever may match, found by exact words or by near spellings."""
    for asked, kept in ((_v(one), _v(other)), (_v(other), _v(one))):
        exact = exact_keys([asked], [])
        assert (exact | spelling_keys(exact)) & set(stored_keys([kept], []))


def test_countries_that_differ_are_never_one_victim() -> None:
    """The same name in two countries is two hospitals."""
    one, other = V(name="Hôpital Saint-Luc", country="FR"), V(name="Hôpital Saint-Luc", country="BE")
    assert compare_victims(one, other).kind is Kind.UNRELATED
    assert compare_victims(one, V(name="Hôpital Saint-Luc")).kind is Kind.SAME


def test_the_same_normalised_name_settles_it() -> None:
    """The classifier's gazetteer knows names that share no word."""
    one = V(name="Bichat-Nord", normalised="Hôpital Bichat")
    assert compare_victims(one, V(name="Les Trois Tours", normalised="hopital bichat")).kind is Kind.SAME


def test_a_name_that_everyone_bears_is_empty() -> None:
    """General words alone name nobody, unless they are written as a name."""
    assert read_name("a hospital").empty
    assert read_name("Universitätsklinikum").empty
    assert read_name("French hospital").empty
    assert not read_name("American Hospital of Paris").empty
    assert not read_name("Medical Center").proper
    nhs = V(name="National Health Service", country="GB")
    assert compare_victims(nhs, nhs).kind is Kind.VAGUE


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("krakow", "krakowie", True),
        ("dusseldorf", "duesseldorf", True),
        ("francilien", "francillien", True),
        ("northern", "southern", False),
        ("12345", "12346", False),
        ("synlab", "synnovis", False),
    ],
)
def test_words_are_spellings_of_one_or_not(one: str, other: str, same: bool) -> None:
    """Umlauts, double letters and endings are spelling; other words are not."""
    assert same_word(one, other) is same


def test_folding_takes_accents_off_european_scripts_only() -> None:
    """Marks of Japanese and Hindi are letters."""
    assert fold("ŁÓDŹ Sjúkrahús Ærø") == "lodz sjukrahus aero"
    assert fold("がん") == "がん"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_names_compare_without_error_and_alike_from_both_sides(one: str, other: str) -> None:
    """Names come from the world's feeds: nothing in them breaks the comparison."""
    assert compare_victims(V(name=one), V(name=other)).kind is compare_victims(V(name=other), V(name=one)).kind
