"""What is negated, hypothetical or told of another attack never counts, and says why."""

from __future__ import annotations

import pytest

from services.classifier.article import Article
from services.classifier.judge import judge
from services.classifier.judgement import Evidence
from shared.signals import Signal


def evidence(text: str, signal: Signal, title: str = "") -> list[Evidence]:
    """Return the evidence of one signal."""
    return [e for e in judge(Article("x", title, text)).signals if e.signal is signal]


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("A cyberattack hit Mill Hospital. Ambulances were not diverted.", Signal.AMBULANCES_DIVERTED),
        ("A cyberattack hit Mill Hospital. No appointments were cancelled.", Signal.APPOINTMENTS_CANCELLED),
        ("A cyberattack hit Mill Hospital. No patient data was stolen.", Signal.DATA_STOLEN),
        (
            "Une cyberattaque frappe l'hôpital de Vernay. Aucun patient n'a été transféré.",
            Signal.PATIENTS_TRANSFERRED,
        ),
        ("Une cyberattaque frappe l'hôpital de Vernay. Les urgences ne sont pas fermées.", Signal.EMERGENCY_CLOSED),
        ("Cyberangriff auf das Klinikum Altbach. Die Notaufnahme ist nicht geschlossen.", Signal.EMERGENCY_CLOSED),
        ("Ciberataque al Hospital del Valle. No se han cancelado las cirugías.", Signal.SURGERY_CANCELLED),
        ("Attacco hacker all'ospedale di Montalto. Nessun intervento è stato annullato.", Signal.SURGERY_CANCELLED),
        ("Cyberaanval op ziekenhuis De Linde. Er zijn geen operaties uitgesteld.", Signal.SURGERY_CANCELLED),
        ("Ataque hacker ao Hospital Santa Rita. As consultas não foram canceladas.", Signal.APPOINTMENTS_CANCELLED),
        ("Cyberatak na szpital w Zalesiu. Operacje nie zostały odwołane.", Signal.SURGERY_CANCELLED),
    ],
)
def test_negated_signals_do_not_count(text: str, signal: Signal) -> None:
    """In each language."""
    found = evidence(text, signal)
    assert found
    assert all(not e.used and e.why.startswith("negated") for e in found)


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("A cyberattack hit Mill Hospital. Ambulances could be diverted.", Signal.AMBULANCES_DIVERTED),
        (
            "Une cyberattaque frappe l'hôpital de Vernay. Des opérations pourraient être annulées.",
            Signal.SURGERY_CANCELLED,
        ),
        ("Cyberangriff auf das Klinikum Altbach. Operationen könnten verschoben werden.", Signal.SURGERY_CANCELLED),
        ("Ciberataque al Hospital del Valle. Podrían suspenderse cirugías canceladas.", Signal.SURGERY_CANCELLED),
    ],
)
def test_hypothetical_signals_do_not_count(text: str, signal: Signal) -> None:
    """What may happen has not happened."""
    found = evidence(text, signal)
    assert found
    assert all(not e.used and e.why.startswith("hypothetical") for e in found)


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        (
            "Mill Hospital was hit by a cyberattack on Monday.\n\n"
            "Last year, a cyberattack on Brook Hospital forced staff to divert ambulances.",
            Signal.AMBULANCES_DIVERTED,
        ),
        (
            "L'hôpital de Vernay est victime d'une cyberattaque.\n\n"
            "L'an dernier, l'hôpital de Corval avait dû fermer ses urgences après une cyberattaque.",
            Signal.EMERGENCY_CLOSED,
        ),
    ],
)
def test_signals_of_another_victim_do_not_count(text: str, signal: Signal) -> None:
    """Facts attach to the right victim."""
    found = evidence(text, signal)
    assert all(not e.used for e in found)


def test_a_plain_statement_counts() -> None:
    """And the same words without a cue do count."""
    (found,) = evidence("A cyberattack hit Mill Hospital. Ambulances were diverted.", Signal.AMBULANCES_DIVERTED)
    assert found.used
    assert found.quote == "Ambulances were diverted"
