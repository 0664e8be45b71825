"""Plain words ("attack", "stolen", "intruder") tell an attack where they are of what is digital, and nowhere else."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge, study

ATTACKS = [
    ("en", "Files stolen from Harwick Hospital in overnight intrusion"),
    ("en", "Attackers wipe backups at Harwick Clinic"),
    ("en", "Harwick Hospital without patient records since the attack"),
    ("de", "Daten der Augenklinik Altmühlen gestohlen"),
    ("fr", "Intrusion dans les serveurs de la clinique Valmorin, dossiers copiés"),
    ("es", "Roban datos de pacientes de la Clínica Arcillanueva"),
    ("ja", "白樺病院のサーバーに侵入、データ暗号化"),
]
NONE = [
    ("en", "Man in Harwick Hospital after attack, and it was filmed"),
    ("en", "Police seek information after attack leaves boy in hospital"),
    ("en", "Harwick Hospital crippled by debt, records show"),
    ("en", "Minister attacks Harwick Hospital, data in hand"),
    ("en", "Drug theft ring at Harwick Hospital exposed by years of careful computer work"),
    ("de", "Nach Angriff in Klinik Altmühlen: Polizei wertet Videos und Daten aus"),
    ("fr", "Patients infectés à l'hôpital de Valmorin, des dossiers publiés"),
    ("es", "Atacan a médico en el Hospital Arcillanueva; difunden video en internet"),
    ("ja", "白樺病院で集団感染、情報を公表"),
    ("zh", "瘫痪患者在东屏医院康复 数据令人鼓舞"),
]


@pytest.mark.parametrize(("lang", "title"), ATTACKS)
def test_an_assault_on_what_is_digital_is_told_plainly(lang: str, title: str) -> None:
    """Close by in its clause, or where it is said to be lost in the same sentence."""
    assert judge(Article("x", title, "", lang=lang)).incident


@pytest.mark.parametrize(("lang", "title"), NONE)
def test_an_assault_of_another_kind_is_none(lang: str, title: str) -> None:
    """Though what is digital and a hospital are named, too."""
    assert not judge(Article("x", title, "", lang=lang)).incident


def test_a_virus_that_attacks_the_young_is_none() -> None:
    """But a virus in computers is one."""
    assert not judge(Article("x", "Virus that attacks newborns spreads in Harwick wards", "")).incident
    assert judge(Article("x", "Computer virus spreads at Harwick Hospital", "")).incident


def test_what_one_sentence_of_the_head_tells_counts_for_all() -> None:
    """A headline and the sentence under it speak of one thing."""
    reading, *_ = study(Article("x", "Attack on Harwick Hospital", "Servers were encrypted by intruders on Sunday."))
    assert reading.sentences[0].has("hacked")
