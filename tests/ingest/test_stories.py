"""The same story in two feeds: by its page, its headline, its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.ingest.decide import Candidate, identify
from services.ingest.parsing.parsed import ParsedEntry
from services.ingest.story.page import page_form, page_key
from services.ingest.story.same import Stories, Told, describe, sketch, title_key

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WIRE = (
    "The hospital of Valmont closed its emergency department on Saturday night after an attack on its computers, its "
    "directorate said. Patients are taken to neighbouring towns, surgery has been put off until further notice, and "
    "staff write on paper. Investigators of the national police have been at the site since Sunday morning."
)
OTHER = (
    "Ten years ago this week our paper began to appear; we look back at what has been written in these columns about "
    "the harbour, the school, the orchestra and the long dispute over a bridge that nobody wanted to pay for."
)


def entry(title: str, summary: str = "", url: str | None = None) -> Candidate:
    """Make an entry."""
    read = ParsedEntry(title, url, title, summary, "", "en", NOW)
    return identify("feed", [read], NOW)[0]


def of(feed: str, *candidates: Candidate) -> list[Told]:
    """Describe the entries of a feed."""
    return [describe(one, feed) for one in candidates]


@pytest.mark.parametrize(
    "same",
    [
        (
            "https://www.paper.example/news/1?utm_source=rss",
            "http://paper.example/news/1/",
            "https://paper.example/news/1",
        ),
        (
            "https://m.paper.example/a.html?fbclid=x",
            "https://paper.example/a.amp.html",
            "https://paper.example/a.html#x",
        ),
        ("https://paper.example/a/amp/", "https://amp.paper.example/a", "https://paper.example/amp/a?outputType=amp"),
        (
            "https://www-paper-example.cdn.ampproject.org/c/s/www.paper.example/a?b=1&a=2",
            "https://www.google.com/amp/s/paper.example/a?a=2&b=1",
            "https://paper.example/a?a=2&b=1",
        ),
        ("https://www.google.com/url?rct=j&url=https://paper.example/a&ct=ga", "https://paper.example/a/index.html"),
        ("http://www.bing.com/news/apiclick.aspx?ref=F&url=https%3a%2f%2fpaper.example%2fa", "https://paper.example/a"),
        ("https://paper.example/é", "https://paper.example/%C3%A9"),
    ],
)
def test_one_page_has_one_key_however_it_was_linked(same: tuple[str, ...]) -> None:
    """Tracking, AMP, phones, http, searches."""
    assert len({page_key(url) for url in same}) == 1
    assert page_key(same[0]) is not None


@pytest.mark.parametrize(
    "other",
    [
        ("https://paper.example/a?id=1", "https://paper.example/a?id=2"),
        ("https://paper.example/a", "https://paper.example/b"),
        ("https://news.paper.example/a", "https://paper.example/a"),
        ("https://paper.example:8443/a", "https://paper.example/a"),
        ("https://paper.example/campaign", "https://paper.example/"),
    ],
)
def test_other_pages_have_other_keys(other: tuple[str, str]) -> None:
    """What tells pages apart stays."""
    assert page_key(other[0]) != page_key(other[1])


@pytest.mark.parametrize(
    "odd", ["", "https://paper.example", "https://www.paper.example/?utm_source=x", "mailto:a@b.example"]
)
def test_a_front_page_and_what_is_no_page_have_no_key(odd: str) -> None:
    """Many entries link to them."""
    assert page_form(odd) is None


@pytest.mark.parametrize("hostile", ["http://[::1/", "https://www.google.com/url?url=javascript:x", "http://x" * 2000])
def test_odd_addresses_raise_nothing(hostile: str) -> None:
    """They come from strangers."""
    page_form(hostile)


def test_a_copied_text_is_the_same_story_under_another_headline() -> None:
    """Also where the copy begins otherwise, is cut short or lightly edited."""
    first = of("a", entry("Hospital of Valmont closes its emergency department", WIRE, "https://a.example/1"))
    edited = WIRE.replace("Saturday night", "the night to Sunday").replace("directorate", "management")
    copies = of(
        "b",
        entry("Valmont: hackers paralyse the clinic", "VALMONT (Agency) - " + WIRE, "https://b.example/1"),
    ) + of("c", entry("Patients sent elsewhere", WIRE[:210] + " …", "https://c.example/1"))
    copies += of("d", entry("After the attack", edited, "https://d.example/1"))
    for copy in copies:
        assert set(Stories(first).link([copy])) == {copy.entry_id}
    assert Stories(first).link(of("e", entry("Ten years of our paper", OTHER, "https://e.example/1"))) == {}


def test_texts_without_spaces_are_compared_by_character() -> None:
    """As in Japanese."""
    text = (
        "山田病院は二十日、サイバー攻撃を受けて"
        "電子カルテが使えなくなり、救急患者の受け入れを停止したと発表した。手術も延期されている。"
    )
    assert set(sketch("見出し", text)) & set(sketch("別の見出し", "【東京】" + text))
    assert not set(sketch("", text)) & set(
        sketch(
            "",
            "昨日の夜、港で花火大会が開かれ、多くの人が集まって夏の終わりを楽しんだと主催者が話している。来年も開く。",
        )
    )


def test_the_first_to_tell_names_the_story_for_all_that_follow() -> None:
    """The third is linked to the first, though it resembles only the second."""
    first = of("a", entry("Hospital of Valmont: emergency department closed", "", "https://agency.example/1"))
    second = of("b", entry("Valmont in the dark after the attack", WIRE, "https://www.agency.example/1?utm_medium=rss"))
    third = of("c", entry("Hackers in the hospital", WIRE, "https://c.example/9"))
    stories = Stories(first)
    assert stories.link(second)[second[0].entry_id].root == first[0].entry_id
    assert stories.link(third)[third[0].entry_id].root == first[0].entry_id


def test_one_feed_never_copies_itself_and_what_it_repeats_tells_nothing() -> None:
    """A live ticker links one page from all its entries; some publishers write the same under everything."""
    stories = Stories(of("a", entry("One title of some length about Valmont", WIRE, "https://a.example/live")))
    assert stories.link(of("a", entry("Another title of some length", WIRE, "https://a.example/live"))) == {}
    ticker = of(
        "b",
        entry("At eight the doors were closed", OTHER, "https://a.example/live#1"),
        entry("At nine they were opened again", OTHER, "https://a.example/live#2"),
    )
    assert Stories(of("c", entry("Elsewhere on that day in town", OTHER, "https://a.example/live"))).link(ticker) == {}


def test_short_headlines_and_short_texts_link_nothing() -> None:
    """Of a kind that many articles carry."""
    assert title_key("Breaking news") is None
    assert title_key("Cyber-attack on the hospital of X!") == title_key("CYBER attack on the hospital of x")
    assert sketch("Breaking news", "More soon.") == ()
