"""The gate passes an attack or an outage of care in each language, and little else."""

from __future__ import annotations

import pytest

from shared.gate import gate
from shared.gate.terms import languages, terms

ATTACKS = {
    "ar": "هجوم سيبراني يستهدف مستشفى",
    "bg": "Хакерска атака срещу болница във Варна",
    "ca": "L'hospital pateix un ciberatac",
    "cs": "Nemocnice čelí kybernetickému útoku",
    "da": "Hospital ramt af cyberangreb",
    "de": "Hackerangriff legt Klinikum lahm",
    "el": "Κυβερνοεπίθεση σε νοσοκομείο",
    "en": "Hospital hit by ransomware",
    "es": "Un ciberataque paraliza el hospital",
    "et": "Haiglat tabas küberrünnak",
    "fa": "حمله سایبری به بیمارستان قدس",
    "fi": "Sairaala joutui kyberhyökkäyksen kohteeksi",
    "fr": "L'hôpital victime d'une cyberattaque",
    "he": "מתקפת סייבר על בית חולים",
    "hi": "जिला अस्पताल पर साइबर हमला",
    "hr": "Hakerski napad na bolnicu",
    "hu": "Kibertámadás érte a kórházat",
    "id": "Rumah sakit terkena serangan siber",
    "is": "Netárás á sjúkrahúsið",
    "it": "Attacco hacker all'ospedale",
    "ja": "病院にサイバー攻撃",
    "ko": "병원 랜섬웨어 공격",
    "lt": "Ligoninė patyrė kibernetinę ataką",
    "lv": "Slimnīca cietusi kiberuzbrukumā",
    "nl": "Ziekenhuis getroffen door cyberaanval",
    "no": "Sykehus utsatt for dataangrep",
    "pl": "Cyberatak na szpital",
    "pt": "Hospital sofre ataque hacker",
    "ro": "Spital lovit de un atac cibernetic",
    "ru": "Больница подверглась кибератаке",
    "sk": "Nemocnica čelí kybernetickému útoku",
    "sl": "Kibernetski napad na bolnišnico",
    "sv": "Sjukhus utsatt för cyberattack",
    "th": "โรงพยาบาลถูกโจมตีทางไซเบอร์",
    "tr": "Hastaneye siber saldırı",
    "uk": "Кібератака на лікарню",
    "vi": "Bệnh viện bị tấn công mạng",
    "zh": "医院遭勒索软件攻击",
}


def test_every_language_has_its_line() -> None:
    """A language without a line here is not tested."""
    assert set(ATTACKS) == set(languages())
    assert len(languages()) >= 25


@pytest.mark.parametrize("language", sorted(ATTACKS))
def test_an_attack_on_care_passes(language: str) -> None:
    """In each language, and in capitals as headlines are."""
    assert gate(ATTACKS[language]).passed
    assert gate(ATTACKS[language].upper()).passed


@pytest.mark.parametrize(
    "title",
    [
        "DaVita hit by ransomware",
        "Synnovis confirms data breach",
        "IT outage at hospital: computers down",
        "醫院管理局證實系統遭入侵",
        "Hopital victime d'une cyberattaque",
        "HOPITAL VICTIME D’UNE CYBERATTAQUE",
        "Panne informatique au CHU",
        "l'ho\u0302pital victime d'une cyberattaque",
        "HSE systems down after ransomware",
    ],
)
def test_named_providers_outages_and_lost_accents_pass(title: str) -> None:
    """What a list of two words would miss."""
    assert gate(title).passed


@pytest.mark.parametrize(
    "title",
    [
        "Cyberattaque contre une banque",
        "New hospital opens its doors",
        "The cat sleeps on the mat",
        "Stadtrat beschließt Haushalt",
        "",
        "\x00\ud800",
    ],
)
def test_the_rest_does_not_pass(title: str) -> None:
    """Neither care alone nor an attack alone."""
    assert not gate(title).passed


def test_the_gate_says_by_which_words() -> None:
    """A decision returns its reason."""
    assert gate("Hospital hit by ransomware").why == "“ransomware” and “hospital”"


@pytest.mark.parametrize("language", languages())
def test_a_lexicon_has_what_the_gate_and_the_judge_need(language: str) -> None:
    """The smallest set of concepts of a language."""
    concepts = {term.concept for term in terms(language)}
    needed = {"common", "cyber", "hacker", "breach", "outage", "victim_of", "care", "health", "negation"}
    assert needed <= concepts
    assert {"other_sector", "physical"} <= concepts
