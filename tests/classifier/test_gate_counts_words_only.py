"""The gate: short words count as words only, and plain words count in the head beside care and what is digital."""

from __future__ import annotations

import pytest

from shared.gate import gate
from shared.gate.gate import gate_scanner
from shared.gate.scan import lower


def test_short_words_inside_other_words_cost_nothing() -> None:
    """The engine itself knows where "er" and "ght" begin and end."""
    text = "The winter weather brought another eight fishermen to the lighthouse."
    assert gate_scanner().raw(lower(text).encode()) == []
    assert gate_scanner().raw(b"the er was full")


@pytest.mark.parametrize(
    "title",
    [
        "Patient files stolen from Harwick Hospital",
        "Daten der Tagesklinik Seeblick veröffentlicht",
        "Robados los historiales del Hospital de Arcilla",
        "Rubati i dati di 50 mila pazienti della casa di cura Villa Orsetta",
        "Données de patients dérobées à la clinique de Vauclère",
    ],
)
def test_plain_words_pass_in_a_headline(title: str) -> None:
    """Many reports of an attack say neither cyber nor hacker."""
    assert gate(title).passed


@pytest.mark.parametrize(
    "text",
    [
        "Knife attack near Harwick Hospital",
        "Harwick Hospital opens new wing. "
        + "The mayor cut a ribbon. " * 20
        + "Files were stolen from a computer shop.",
    ],
)
def test_plain_words_alone_or_far_down_do_not_pass(text: str) -> None:
    """They would let the world's crime news through."""
    assert not gate(text).passed
