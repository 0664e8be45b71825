"""Reading what is no RSS: JSON feeds, JSON APIs, web pages, sitemaps; languages, dates, wishes of publishers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from services.ingest.parsing import parse as parsing
from services.ingest.parsing.dates import read_date
from services.ingest.parsing.page import extract_article
from services.ingest.parsing.parse import parse
from services.ingest.parsing.parsed import ParsedFeed
from tests.ingest.feed_server import item, rss

URL = "https://news.example/feed"
DAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

PAGE = """<!doctype html><html lang="de"><head><title>Amt</title>
<link rel="alternate" type="application/rss+xml" href="/amt.rss"></head><body><nav><a href="/x">Start</a></nav>
<ul class="news"><li><a href="/1">Klinik offline</a> <time datetime="2026-11-24T10:00:00Z">heute</time> Mehr.</li>
<li><a href="/2">Zweites</a></li><li><a href="/1">Klinik offline</a></li><li>ohne Verweis</li></ul></body></html>"""

SITEMAP = """<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://news.example/a</loc><news:news>
<news:publication><news:name>N</news:name><news:language>fr</news:language></news:publication>
<news:publication_date>2026-11-24T11:00:00+01:00</news:publication_date><news:title>Un titre &x;</news:title>
</news:news></url><url><loc>https://news.example/hopital-sans-titre.html</loc></url></urlset>"""


def json_feed(*items: object, **more: object) -> bytes:
    """Write a JSON Feed."""
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": list(items)}
    return json.dumps(document | more).encode()


def test_a_json_feed_is_read_in_full() -> None:
    """With its language, its dates in UTC and its markup gone."""
    first = {
        "id": 7,
        "url": "/a",
        "title": "T",
        "content_html": "<p>One</p><p>Two</p>",
        "date_published": "2026-11-24T11:00:00+01:00",
    }
    feed = parse(json_feed(first, {"id": "b", "content_text": "a < b"}, "odd", language="fr-FR"), url=URL)
    assert (feed.format, feed.title, feed.language, feed.error) == ("json11", "J", "fr-FR", None)
    one, two = feed.entries
    assert (one.guid, one.url, one.summary, one.published) == ("7", "https://news.example/a", "One\nTwo", DAY)
    assert one.published_text == "2026-11-24T11:00:00+01:00"
    assert (two.guid, two.summary) == ("b", "a < b")
    assert "entry 3 is no object" in feed.problems


@pytest.mark.parametrize(
    "body",
    [b"\xef\xbb\xbf" + json_feed({"id": "a"}), json_feed({"id": "a"}).decode().encode("utf-16")],
    ids=["bom", "utf-16"],
)
def test_a_json_feed_in_another_encoding_is_read(body: bytes) -> None:
    """As a lenient reader would."""
    assert [entry.guid for entry in parse(body, url=URL).entries] == ["a"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"items": ' + b"9" * 50_000 + b"}", b'{"items": [', b'{"title": "x", "items": {}}'],
)
def test_odd_json_is_told_in_words(body: bytes) -> None:
    """Nothing raises."""
    assert parse(body, url=URL).entries == ()


def test_a_json_api_is_read_by_its_mapping() -> None:
    """A tracker of leak sites, say; what has no id is known by its words."""
    body = json.dumps({"data": [{"victim": "Clinic <b>X</b>", "seen": 1795514400, "post": {"link": "/p/1"}}, {}]})
    mapping = {"entries": "data", "title": "victim", "published": "seen", "url": "post.link"}
    feed = parse(body.encode(), url=URL, how={"json": mapping})
    assert next((e.title, e.url, e.published) for e in feed.entries) == (
        "Clinic X",
        "https://news.example/p/1",
        datetime.fromtimestamp(1795514400, UTC),
    )


@pytest.mark.parametrize(("body", "words"), [(b"<html>", "not JSON"), (b'{"data": 5}', "finds no list")])
def test_an_answer_that_does_not_fit_its_mapping_is_told(body: bytes, words: str) -> None:
    """The expression stands in the error."""
    assert words in (parse(body, url=URL, how={"json": {"entries": "data"}}).error or "")


def test_the_links_of_a_page_are_read_by_a_selector() -> None:
    """Each once; date and words from around the link."""
    feed = parse(PAGE.encode(), url=URL, how={"page": "ul.news li"})
    assert (feed.format, feed.title, feed.language) == ("page", "Amt", "de")
    one, two = feed.entries
    assert (one.url, one.title, one.published) == ("https://news.example/1", "Klinik offline", DAY)
    assert "Mehr." in one.summary
    assert two.published is None
    assert "finds no link" in (parse(PAGE.encode(), url=URL, how={"page": "h9"}).error or "")


def test_a_page_that_is_no_feed_names_the_one_behind_it() -> None:
    """So that a person, or `feeds add`, finds it."""
    assert parse(PAGE.encode(), url=URL).behind == ("https://news.example/amt.rss",)


def test_a_news_sitemap_is_recognised_by_itself() -> None:
    """Entities are not resolved; an address alone still gives its words."""
    feed = parse(SITEMAP.encode(), url=URL)
    one, two = feed.entries
    assert (feed.format, one.language, one.published) == ("sitemap", "fr", DAY)
    assert one.title.startswith("Un titre")
    assert "root:" not in str(feed)
    assert two.title == "hopital sans titre"
    index = b"<sitemapindex><sitemap><loc>https://n.example/s.xml</loc></sitemap></sitemapindex>"
    assert "https://n.example/s.xml" in (parse(index, url=URL).error or "")


def test_the_language_is_detected_where_nobody_says_it() -> None:
    """And only there."""
    title = "Cyberattaque contre l'hôpital, les urgences sont fermées"
    assert parse(rss(item("a", title)), url=URL).entries[0].language == "fr"
    assert parse(rss(item("a", "OK")), url=URL).entries[0].language is None
    declared = parse(rss(item("a", title), extra="<language>de</language>"), url=URL)
    assert (declared.language, declared.entries[0].language) == ("de", None)


def test_hours_and_days_to_skip_are_read() -> None:
    """24 is midnight; nonsense is passed over."""
    extra = (
        "<skipHours><hour>24</hour><hour> 3 </hour><hour>99</hour></skipHours><skipDays><day>Sunday</day></skipDays>"
    )
    feed = parse(rss(item("a"), extra=extra), url=URL)
    assert (feed.skip_hours, feed.skip_days) == ((0, 3), (6,))


def test_a_limit_on_entries_keeps_the_newest() -> None:
    """As configured for one feed."""
    body = rss(item("old", date=datetime(2026, 1, 1, tzinfo=UTC)), item("new", date=DAY))
    assert [entry.guid for entry in parse(body, url=URL, how={"max_entries": 1}).entries] == ["new"]


def test_a_document_with_far_too_many_entries_is_cut_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than lost to the parser's time limit."""
    monkeypatch.setattr(parsing, "_MOST_READ", 100)
    feed = parse(b"<rss version='2.0'><channel>" + b"<item><title>t</title></item>" * 3_000, url=URL)
    assert len(feed.entries) == 100
    assert "more than 100 entries" in str(feed.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T10:00:00Z", DAY),
        ("Tue, 24 Nov 2026 10:00:00 GMT", DAY),
        (1795514400000, datetime.fromtimestamp(1795514400, UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        ("9" * 70, None),
    ],
)
def test_dates_become_utc_or_none(text: object, expected: datetime | None) -> None:
    """Whatever form they had."""
    assert read_date(text) == expected


def test_an_article_is_found_on_its_page() -> None:
    """Without the furniture around it."""
    words = "The hospital closed its emergency department after the attack on its network. " * 8
    page = f"<html lang='en'><body><nav>Menu Login</nav><article><h1>T</h1><p>{words}</p></article></body></html>"
    article = extract_article(page.encode(), URL)
    assert "closed its emergency department" in article.text
    assert "Login" not in article.text
    assert article.language == "en"
    assert extract_article(b"<html><body>Hi", URL).error
    assert extract_article(b"\x00", URL).error


def test_what_shares_one_id_is_told() -> None:
    """The person who checks the feed learns of it."""
    feed: ParsedFeed = parse(rss(*(item("same", f"Title {n}") for n in range(3))), url=URL)
    assert "all entries share one id" in str(feed.problems)
