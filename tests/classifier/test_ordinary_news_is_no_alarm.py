"""Ordinary news that looks like an attack on care raises no alarm: theft, war, illness, leaks of water, hacks."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge

ORDINARY = [
    ("en", "Man suffers heart attack outside Harwick Hospital"),
    ("en", "Missile attack on Harwick Hospital kills twelve"),
    ("en", "Thieves steal computers from Harwick Clinic"),
    ("en", "Ten hospital bag hacks every new parent needs"),
    ("en", "Actor hospitalised after online attack"),
    ("en", "Vet clinic in Harwick hacked"),
    ("en", "Gas leak at Harwick Hospital"),
    ("en", "Hacker who hit Harwick Hospital jailed for six years"),
    ("en", "How many hospitals were hacked this year?"),
    ("en", "City council hit by ransomware, hospital not affected"),
    ("fr", "Vol de matériel informatique à l'hôpital de Brancelles"),
    ("fr", "Fuite d'eau au CHU de Valmorin"),
    ("fr", "Pirates somaliens : un marin soigné à l'hôpital de Brancelles"),
    ("de", "Diebe stehlen Computer aus Klinikum Altmühlen"),
    ("de", "Gasleck am Klinikum Altmühlen"),
    ("es", "Roban computadoras del Hospital General de Arcillanueva"),
    ("es", "Secuestran a médico del Hospital San Telmo y piden rescate"),
    ("it", "Furto di computer nell'ospedale di Pietrachiara"),
    ("pt", "Ladrões invadem Hospital Geral e roubam equipamentos"),
    ("nl", "Inbraak in ziekenhuis Oevermaas: computers gestolen"),
    ("pl", "Kradzież komputerów z przychodni w Zagórkach"),
    ("sv", "Tjuvar tog skärmar och datorer från sjukhuset i Lillån"),
    ("da", "Indbrud på sygehuset i Nørby: computere stjålet"),
    ("no", "Innbrudd på sykehuset i Vikdal: PC-er stjålet"),
    ("cs", "Krádež počítačů v nemocnici v Lukách"),
    ("ja", "白樺病院でガス漏れ、患者が避難"),
    ("zh", "小偷潜入东屏医院盗窃电脑"),
    ("uk", "Дрон атакував лікарню в Тернівці"),
    ("ru", "Газ потёк в подвале поликлиники, больных вывели на улицу"),
    ("ar", "هجوم مسلح على مستشفى النخيل"),
    ("tr", "Şehir hastanesinde siber saldırı tatbikatı yapıldı"),
    ("ko", "한빛병원 화재, 환자 대피"),
]


@pytest.mark.parametrize(("lang", "title"), ORDINARY)
def test_ordinary_news_is_no_incident(lang: str, title: str) -> None:
    """Whether the language is told or not."""
    for told in (lang, None):
        verdict = judge(Article("x", title, "", lang=told))
        assert not verdict.incident, verdict.reason


def test_theft_beside_a_hack_is_still_an_attack() -> None:
    """The rule on theft and harm stands back where computers are spoken of."""
    title = "Harwick Hospital hit by ransomware days after knife attack in its car park"
    assert judge(Article("x", title, "")).incident
