"""Whose name is told, and which country is meant, where the title alone does not say it."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.judgement import Judgement
from shared.gate.gazetteer import country_of


def judged(title: str, text: str = "", lang: str | None = None) -> Judgement:
    """Return the verdict on an item."""
    return judge(Article("x", title, text, lang=lang))


@pytest.mark.parametrize(
    ("lang", "title", "text", "victim"),
    [
        ("en", "Data breach at Tennessee hospital", "Larkmoor Medical Center said hackers took files.", "Larkmoor"),
        ("en", "Ransomware hits Utah clinic", "Orchard Imaging Associates (OIA) confirmed the attack.", "Orchard"),
        ("en", "French hospital CHQ-SV hit by ransomware", "", "CHQ-SV"),
        ("de", "Hacker legen IT-Dienstleister MediKern lahm, Kliniken ohne Akten", "", "MediKern"),
        ("sv", "Leverantören VårdBro hackad, sjukhus utan journaler", "", "VårdBro"),
        ("es", "Farmacias sin despachar recetas tras un ataque al sistema RecetaSur", "", "RecetaSur"),
        ("ru", "Хакеры атаковали клинику «Рассвет», приём остановлен", "", "Рассвет"),
        ("ja", "ドイツAMBRA病院ネットワークにサイバー攻撃", "", "AMBRA"),
    ],
)
def test_the_name_that_tells_one_provider_is_preferred(lang: str, title: str, text: str, victim: str) -> None:
    """To the place or the kind of hospital in the title."""
    told = judged(title, text, lang).victims
    assert victim in " ".join((told[0].name, *told[0].aliases))


@pytest.mark.parametrize(
    ("lang", "title", "country"),
    [
        ("en", "Ransomware gang breaks into Yellow Fir Clinic, New Mexico", "US"),
        ("en", "Malware found on servers of polyclinic operator Meridian Care, Singapore", "SG"),
        ("en", "Hackers hit Lyndhurst Hospital in Norfolk, England", "GB"),
        ("es", "Ciberataque al Hospital San Gabriel, Costa Rica", "CR"),
        ("de", "Hackerangriff auf Spital im Kanton Thurgau", "CH"),
        ("de", "Cyberangriff: Tiroler Spital ohne Computer", "AT"),
        ("fr", "Cyberattaque contre un hôpital du Vercors", "FR"),
        ("ja", "テネシー州の病院にランサムウェア攻撃", "US"),
        ("zh", "山东泰宁医院遭黑客攻击", "CN"),
        ("zh", "花蓮海岸醫院遭勒索軟體攻擊", "TW"),
        ("ru", "Взлом серверов поликлиники в Казахстане", "KZ"),
        ("ar", "السعودية: هجوم سيبراني على مستشفى النخيل", "SA"),
    ],
)
def test_the_country_that_is_named_is_found(lang: str, title: str, country: str) -> None:
    """By the longest name, before any city, in any script, inflected or not; and not as a guess."""
    assert judged(title, lang=lang).sure_country == country


def test_a_listed_name_stands_alone() -> None:
    """A provider's name inside a longer word is not that provider."""
    assert country_of("Labco") == "ES"
    assert country_of("LabConnect") is None


def test_the_command_tells_further_victims() -> None:
    """Each in the shape of a victim, after the first."""
    told = judged("Royal Alder Hospital and Queen Mill Hospital hit by ransomware").as_dict()["victims"]
    assert {"name", "place", "country"} <= set(told[-1])


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Lakeview Medical Center alerts patients to Cerner data breach", "Lakeview Medical Center"),
        ("Cyberattack hits Lakeside Clinic, part of Unity Health Network, officials said", "Lakeside Clinic"),
        ("Rosewood Cardiology, a subsidiary of Halden Health Group, was hacked", "Rosewood Cardiology"),
    ],
)
def test_what_stands_beside_a_name_says_whose_news_it_is(title: str, name: str) -> None:
    """A customer tells its patients of its supplier's breach; a subsidiary stands before its parent."""
    assert judge(Article("beside", title, "", "en")).victims[0].name == name


def test_the_long_name_before_a_short_one_is_kept() -> None:
    """Both are names of the victim."""
    title = "Serviço de Saúde das Ilhas (SESILHAS) alvo de ataque informático"
    victim = judge(Article("long", title, "", "pt")).victims[0]
    assert {victim.name, *victim.aliases} >= {"Serviço de Saúde das Ilhas", "SESILHAS"}
