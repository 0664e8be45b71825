"""How a victim's name is cut out of a headline, and whose name is taken of several."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import study
from services.classifier.places.locate import locate
from services.classifier.victims.choose import Cast


def cast(lang: str, title: str, text: str = "") -> Cast:
    """Return who plays a part in an item."""
    return study(Article("x", title, text, lang=lang))[1]


def first(lang: str, title: str, text: str = "") -> str:
    """Return the first victim's name, or nothing."""
    victims = cast(lang, title, text).victims
    return victims[0].name if victims else ""


@pytest.mark.parametrize(
    ("lang", "title", "name"),
    [
        ("fr", "Cyberattaque contre l'hôpital psychiatrique Le Bocage", "hôpital psychiatrique Le Bocage"),
        ("de", "Unbekannte dringen in Server des MVZ Birkenhof ein", "MVZ Birkenhof"),
        ("es", "Un ciberataque paraliza el hospital comarcal de Valdejara", "hospital comarcal de Valdejara"),
        ("it", "Attacco hacker, l'Ulss 14 Serena torna a carta e penna", "Ulss 14 Serena"),
        ("pl", "Cyberatak na szpital powiatowy w Zawadzie", "szpital powiatowy w Zawadzie"),
        ("pl", "Cyberatak w Szpitalu Specjalistycznym im. św. Huberta", "Szpitalu Specjalistycznym im. św. Huberta"),
        ("sv", "Hackare slog ut journalsystemet på sjukhuset i Åmvik", "sjukhuset i Åmvik"),
        ("da", "Patientdata stjålet fra Lægehuset på Bakkegården", "Lægehuset på Bakkegården"),
        ("no", "Helsekonsernet Polaris Helse utsatt for hackerangrep", "Polaris Helse"),
        ("cs", "Hackeři ochromili nemocnici v Horních Lípách", "nemocnici v Horních Lípách"),
        ("cs", "Hackeři napadli kroměřovskou nemocnici", "kroměřovskou nemocnici"),
        ("cs", "Z polikliniky Na Stráni unikla data pacientů po útoku hackerů", "polikliniky Na Stráni"),
        ("en", "Fernwood Fertility's patient data posted on dark web by hackers", "Fernwood Fertility"),
        ("en", "Italy's Borgo Hospital crippled by ransomware", "Borgo Hospital"),
        ("en", "HACKERS CRIPPLE MOORVALE DISTRICT HOSPITAL", "MOORVALE DISTRICT HOSPITAL"),
        ("ja", "医療法人桜樹会、サイバー攻撃で電子カルテ使えず", "医療法人桜樹会"),
        ("ja", "サイバー攻撃で市立東浜病院の電子カルテ停止、手術延期", "市立東浜病院"),
        ("ja", "昨年の東浜病院に続き、西岡総合病院もランサムウェアに感染", "西岡総合病院"),
        ("zh", "安和牙醫診所遭勒索軟體攻擊", "安和牙醫診所"),
        ("zh", "明華私家醫院電腦系統遭勒索軟件入侵，病人資料外洩", "明華私家醫院"),
        ("zh", "新加坡诊所集团Bayview Harbour Clinic遭黑客攻击", "Bayview Harbour Clinic"),
    ],
)
def test_a_name_is_whole_and_no_more(lang: str, title: str, name: str) -> None:
    """With the place that sets it apart where it has no other name, and without what stands beside it."""
    assert first(lang, title) == name


@pytest.mark.parametrize(
    ("lang", "title", "name"),
    [
        ("nl", "Datalek bij softwareleverancier Zorgbaken treft vijftien ziekenhuizen", "Zorgbaken"),
        ("pl", "Firma MedSerwis, dostawca systemów dla szpitali, zhakowana", "MedSerwis"),
        (
            "fi",
            "Ohjelmistotoimittaja Terveysportti Oy kiristettiin, sairaalat pulassa",
            "Terveysportti",
        ),
        ("it", "Attacco a RefertoPiù, fornitore di decine di laboratori: «Esami in ritardo»", "RefertoPiù"),
        ("fr", "Piratage de Santavie, prestataire d'hospitalisation à domicile : des données en vente", "Santavie"),
        ("de", "Softwareanbieter PraxisNord gehackt: Hunderte Arztpraxen ohne Patientenakten", "PraxisNord"),
        ("fi", "Silmäkeskus Kirkas hakkeroitiin", "Silmäkeskus Kirkas"),
        (
            "it",
            "La Fondazione Don Ferretti colpita da ransomware: dati dei pazienti a rischio",
            "Fondazione Don Ferretti",
        ),
    ],
)
def test_a_firm_is_named_without_its_kind(lang: str, title: str, name: str) -> None:
    """A supplier or a house whose name says nothing of care, before the customers that it pulls down."""
    assert name in first(lang, title)
    assert not first(lang, title).startswith(("Firma ", "Piratage", "Software", "Ohjelmisto"))


@pytest.mark.parametrize(
    ("lang", "title", "text", "name"),
    [
        ("en", "Two years after the Larkmoor Health attack, Oakvale Clinic falls victim to ransomware", "", "Oakvale"),
        ("en", "Cyberattack on Oakvale Regional Hospital 'contained', says HSE", "", "Oakvale"),
        (
            "en",
            "NHS blood tests cancelled after cyber attack on pathology provider",
            "Marlow Pathology Services was hit on Tuesday. Barts Health suffered a similar disruption last year.",
            "Marlow Pathology Services",
        ),
        (
            "en",
            "Billing vendor breach exposes data of patients at 14 hospitals",
            "Claimpath, a revenue cycle company, said hackers had access. Oakvale Hospital is among its customers.",
            "Claimpath",
        ),
        (
            "ja",
            "病院にサイバー攻撃、身代金要求",
            "青嵐病院（岡山市）は、電子カルテが使えなくなったと発表した。2021年には徳島県の東浜病院も被害を受けた。",
            "青嵐病院",
        ),
        (
            "it",
            "Ransomware, colpito un gruppo di cliniche private del Veneto",
            "Il Gruppo Villa Olmo ha confermato l'intrusione nei propri server.",
            "Villa Olmo",
        ),
    ],
)
def test_the_one_that_was_hit_is_taken(lang: str, title: str, text: str, name: str) -> None:
    """Not who was hit before, who speaks of it, or whose system it is part of."""
    assert name in first(lang, title, text)


@pytest.mark.parametrize(
    ("lang", "title", "names"),
    [
        ("de", "Hacker greifen Klinikum Nordau und Klinikum Südau an", {"Klinikum Nordau", "Klinikum Südau"}),
        ("en", "Ransomware hits St. Vera Hospital and Oak Clinic", {"St. Vera Hospital", "Oak Clinic"}),
        ("fr", "Le CHU de Valmare et la clinique Sainte-Agathe piratés", {"CHU de Valmare", "clinique Sainte-Agathe"}),
        ("es", "Ciberataque a los hospitales San Lucas y Santa Clara", {"hospitales San Lucas y Santa Clara"}),
    ],
)
def test_two_that_were_hit_are_both_told(lang: str, title: str, names: set[str]) -> None:
    """Each by its name, where the kind is written twice; together, where it is written once."""
    told = cast(lang, title)
    assert {told.victims[0].name, *told.aliases} >= names


@pytest.mark.parametrize(
    ("lang", "title", "text", "name"),
    [
        (
            "en",
            "Charity hospice loses patient data in cyber attack",
            "Marlow Hospice said it was hit.",
            "Marlow Hospice",
        ),
        (
            "de",
            "Krankenhaus in Hessen nach Hackerangriff offline",
            "Das Marienhospital ist betroffen.",
            "Marienhospital",
        ),
        (
            "en",
            "Health care provider breach",
            "Oakvale Vein Care began mailing letters on the hack.",
            "Oakvale Vein Care",
        ),
        (
            "sv",
            "Hackerattack mot vårdbolag",
            "Vårdgläntan Mitt bekräftar att journaler har stulits.",
            "Vårdgläntan Mitt",
        ),
        ("ja", "ランサムウェアで診療停止　山陰の病院", "島根県の八重中央病院は感染したと発表した。", "八重中央病院"),
    ],
)
def test_a_title_that_names_nobody_leaves_it_to_the_text(lang: str, title: str, text: str, name: str) -> None:
    """A word with a capital because it comes first is no name."""
    told = cast(lang, title, text)
    assert name in {told.victims[0].name, *told.aliases}


def test_the_outlet_behind_a_headline_tells_the_country_where_no_place_is_named() -> None:
    """And nothing where one is."""
    for title, country in (
        ("Birch Lake Health Centre offline after cyberattack - CBC", "CA"),
        ("German hospital offline after cyberattack - CBC", "DE"),
    ):
        reading, named, _, _ = study(Article("x", title, "", lang="en"))
        assert locate(reading, named).country == country


def test_a_notice_names_who_publishes_it() -> None:
    """Where a title names nobody, the care provider on whose page it stands; a newspaper is none."""
    assert first("en", "Notice of Data Security Incident - Oakvale Family Health") == "Oakvale Family Health"
    assert first("en", "Notice of Data Security Incident - Health IT News") == ""


def test_the_latin_name_beside_another_script_is_kept() -> None:
    """As a further name of the same victim."""
    told = cast("zh", "法国一医院遭勒索软件攻击", "法国蒙瓦医院中心（Centre hospitalier de Montval）周日遭到攻击。")
    assert "Centre hospitalier de Montval" in told.aliases


@pytest.mark.parametrize(
    ("lang", "title", "country"),
    [
        ("es", "Ciberataque a la Clínica Santa Lucía de Cali", "CO"),
        ("es", "Hackearon el Sanatorio Los Sauces y piden rescate", "AR"),
        ("es", "Hackean el Instituto del Norte; exponen expedientes médicos de una clínica", "MX"),
        ("pt", "Centro Hospitalar do Vale sem sistemas após ataque informático", "PT"),
        ("de", "Regionalspital Obermatt: Cyberkriminelle erbeuten Patientendaten", "CH"),
        ("de", "Landeskrankenhaus Mursee nach Hackerattacke offline", "AT"),
        ("zh", "明華私家醫院遭黑客勒索", "HK"),
        ("en", "Harlow County Memorial Hospital diverts ambulances after ransomware attack", "US"),
    ],
)
def test_words_of_a_country_tell_it(lang: str, title: str, country: str) -> None:
    """Where no place is named, or its name is also another's."""
    reading, named, _, _ = study(Article("x", title, "", lang=lang))
    assert locate(reading, named).country == country


@pytest.mark.parametrize(
    ("lang", "title", "known"),
    [
        ("zh", "美国达维塔公司遭勒索软件攻击，患者数据泄露", "DaVita"),
        ("ja", "デュッセルドルフ大学病院にサイバー攻撃、救急停止", "Universitätsklinikum Düsseldorf"),
        ("zh", "台灣馬偕紀念醫院遭駭客勒索", "Mackay Memorial Hospital"),
    ],
)
def test_a_listed_provider_in_another_script_is_told_in_latin_letters_too(lang: str, title: str, known: str) -> None:
    """So that news of one attack in several scripts can be seen to be one."""
    told = cast(lang, title)
    assert known in told.aliases
    assert told.victims[0].name != known
