"""`codegrey lexicon check`: what a language's words can say, held against a template of sentences."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from services.classifier.commands import lexicon
from services.classifier.measure.lexicon import Slot, _fill, check, template, victims
from shared.gate.terms import LexiconError, languages
from shared.signals import Signal

MAIN = ("cs", "da", "de", "en", "es", "fi", "fr", "it", "ja", "nl", "no", "pl", "pt", "sv", "zh")
THIN = ("fa", "hi")


@pytest.mark.parametrize("language", MAIN)
def test_the_main_languages_can_say_all_of_it(language: str) -> None:
    """Every sentence of the template, and every kind of victim."""
    assert [(slot.says, slot.why) for slot in check(language).lacking] == []
    assert all(language in named for named in victims().values())


def test_the_template_asks_for_every_signal() -> None:
    """A signal that no sentence stands for could be missing from a language unseen."""
    assert {slot.signal for slot in template() if slot.signal} == {signal.value for signal in Signal}


def test_each_slot_asks_for_one_thing() -> None:
    """A signal, a signal set aside, or a number of terms."""
    assert all(bool(slot.signal) + bool(slot.aside) + bool(slot.at_least) == 1 for slot in template())


def test_every_language_that_ships_is_told_what_it_lacks() -> None:
    """With the key to fill in; of all but the thinnest that is next to nothing."""
    for language in languages():
        checked = check(language)
        assert checked.share >= (0.5 if language in THIN else 0.95), language
        assert all(slot.why for slot in checked.lacking)
    assert "`deface`" in " ".join(slot.why for slot in check("hi").lacking)


def test_words_alone_do_not_fill_a_sentence() -> None:
    """The judge must find the signal: a hospital and a function word close nothing."""
    slot = Slot("x", "HOSPITAL THE", (("care",), ("common",)), signal="hospital_closed")
    filled = _fill(slot, "en")
    assert not filled.filled
    assert "no sentence of its terms says “hospital_closed”" in filled.why


def test_an_unknown_language_is_named() -> None:
    """Beside those that there are."""
    with pytest.raises(LexiconError, match="no lexicon for 'xx'"):
        check("xx")
    result = CliRunner().invoke(lexicon, ["check", "xx"])
    assert (result.exit_code, "there are ar" in result.stderr) == (1, True)


def test_the_command_prints_a_table_one_language_and_data() -> None:
    """Data on standard output."""
    table = CliRunner().invoke(lexicon, ["check"], catch_exceptions=False)
    assert all(f" {language} " in table.stdout for language in languages())
    one = CliRunner().invoke(lexicon, ["check", "hi"], catch_exceptions=False)
    assert "to be added to shared/gate/lexicon/hi.toml" in one.stdout
    told = json.loads(CliRunner().invoke(lexicon, ["check", "hi", "--json"], catch_exceptions=False).stdout)
    assert told["hi"]["share"] < 1
    assert set(told["hi"]["lacks"][0]) == {"group", "says", "why"}
