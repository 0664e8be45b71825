"""Text of others can do no harm where it is shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.neutral import ZERO_WIDTH, chat, clean, link, prose, subject


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("one\r\nBcc: evil@x.example", "one Bcc: evil@x.example"),
        ("tab\tand\x00null\x1b[31m", "tab andnull[31m"),
        ("right‮to⁦left", "righttoleft"),
        ("zero​width‍join\ufeffed", "zerowidthjoined"),
        ("line\u2028and\u2029paragraph", "line and paragraph"),
        ("tags\U000e0041\U000e0042", "tags"),
        ("e\u0301", "é"),
        ("Z" + "\u0334" * 40, "Z" + "\u0334" * 3),
        ("भारत का अस्पताल", "भारत का अस्पताल"),
        ("医院 ﻿网络", "医院 网络"),
    ],
)
def test_what_cannot_be_seen_goes(hostile: str, harmless: str) -> None:
    """Keep letters of every script, and nothing that hides or moves them."""
    assert clean(hostile) == harmless


@pytest.mark.parametrize(
    "hostile",
    [
        "@everyone",
        "@here look",
        "<!channel>",
        "<@U123>",
        "<@&99>",
        "[click](http://evil.example)",
        "![](https://evil.example/p.png)",
        "<https://evil.example|bank>",
        "**bold** __under__ ~~gone~~ ||spoiler|| `code`",
        "# heading",
        "> quote",
        "| a | b |",
        "see www.evil.example",
        "JAVASCRIPT:alert(1)",
        "ftp://evil.example",
        "a\\*b",
    ],
)
def test_a_chat_shows_no_mention_no_markdown_and_no_link(hostile: str) -> None:
    """Break every device of the usual services."""
    shown = chat(hostile)
    assert not set(shown) & set("*_`~|[]<>#\\")
    assert all(shown[at + 1 : at + 2] == ZERO_WIDTH for at, char in enumerate(shown) if char == "@")
    assert "://" not in shown
    assert "www.e" not in shown
    assert "javascript:a" not in shown.lower()


@given(st.text(max_size=300))
def test_any_text_at_all_becomes_one_visible_line(text: str) -> None:
    """Hold for whatever hypothesis finds."""
    for shown in (clean(text), subject(text)):
        assert len(shown) <= 500
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
    assert "=?" not in subject(text)
    assert "://" not in prose(text)
    assert not set(chat(text)) & set("*_`~|[]<>#\\")


@pytest.mark.parametrize(
    ("given_link", "shown"),
    [
        ("https://news.example/a?b=c&d=%20", "https://news.example/a?b=c&d=%20"),
        ("HTTP://News.Example:8080/ä", "http://news.example:8080/%C3%A4"),
        ("https://example.org/a(b)[c]", "https://example.org/a%28b%29%5Bc%5D"),
        ("https://example.org/@everyone", "https://example.org/%40everyone"),
        ('https://example.org/"onmouseover="x', "https://example.org/%22onmouseover=%22x"),
        ("https://krankenhäuser.example/", "https://xn--krankenhuser-ncb.example/"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://bank.example@evil.example/", None),
        ("https://", None),
        ("//news.example/a", None),
        ("https://a b.example/", None),
        ("https://news.example/\u202egnp.exe", None),
        ("https://news.example:99999/", None),
        ("https://news.example/" + "a" * 3_000, None),
        ("", None),
        (None, None),
    ],
)
def test_only_plain_web_links_are_shown(given_link: str | None, shown: str | None) -> None:
    """Quote what Markdown or HTML would read, and refuse what is no web address."""
    assert link(given_link) == shown


def test_a_subject_holds_no_encoded_word() -> None:
    """Break the sequence that old Pythons decode into headers."""
    assert subject("x =?utf-8?q?x=0d=0aBcc=3A_evil=40x.example?=") == "x = ?utf-8?q?x=0d=0aBcc=3A_evil=40x.example? ="
