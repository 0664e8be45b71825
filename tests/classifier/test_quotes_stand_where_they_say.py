"""Every quote can be found at its offsets in the text as given, whatever the text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.classifier.article import Article
from services.classifier.judge import judge

PIECES = (
    "cyberattack hospital Ambulances diverted not ransomware données volées İstanbul ho\u0302pital hôpital Klinikum "
    "病院 ランサムウェア \ud800 \x00 😀 ß ŞİŞLİ . , patients transférés urgences fermées Notaufnahme geschlossen 医院 "
    "勒索软件 ﬁle ’"
)
WORDS = st.sampled_from([*PIECES.split(" "), "\n\n"])
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=40).map(" ".join)


@settings(max_examples=80, deadline=None)
@given(title=TEXTS, text=TEXTS)
def test_the_text_between_the_offsets_is_the_quote(title: str, text: str) -> None:
    """`field[start:end] == quote` for whatever is given."""
    judged = judge(Article("x", title, text))
    for evidence in judged.signals:
        given_text = title if evidence.field == "title" else text
        assert given_text[evidence.start : evidence.end] == evidence.quote
        assert evidence.quote
