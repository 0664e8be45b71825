"""Reading feeds, good, odd and hostile ones, into plain text."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest.parsing import parse as parsing
from services.ingest.parsing.clean import fit, one_line, plain
from services.ingest.parsing.frames import dump, load
from services.ingest.parsing.parse import parse
from services.ingest.parsing.parsed import ParsedEntry, ParsedFeed
from services.ingest.story.urls import canonical_url, host_of
from tests.ingest.feed_server import item, rss

URL = "https://news.example/feed"

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><title>Le Journal</title>
<entry><id>urn:1</id><title type="html">L&amp;#39;hôpital &lt;b&gt;X&lt;/b&gt;</title><link href="/un"/>
<updated>2026-11-24T10:00:00+01:00</updated><summary>Court</summary>
<content type="html">&lt;p&gt;Un.&lt;/p&gt;&lt;p&gt;Deux.&lt;/p&gt;
&lt;script&gt;x()&lt;/script&gt;</content></entry></feed>"""

RDF = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/"><channel><title>R</title></channel>
<item rdf:about="https://n.example/1"><title>Eins</title><link>https://n.example/1</link></item></rdf:RDF>"""


def test_an_atom_entry_is_read_in_full() -> None:
    """Markup becomes text, relative links absolute, dates UTC."""
    feed = parse(ATOM.encode(), url=URL)
    assert (feed.format, feed.title, feed.error) == ("atom10", "Le Journal", None)
    [entry] = feed.entries
    assert entry == ParsedEntry(
        guid="urn:1",
        url="https://news.example/un",
        title="L'hôpital X",
        summary="Court",
        text="Un.\nDeux.",
        language="fr",
        published=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        published_text="2026-11-24T10:00:00+01:00",
    )


def test_rss_and_rdf_are_read() -> None:
    """With ttl in seconds and the language."""
    feed = parse(rss(item("a", "Title"), extra="<ttl>30</ttl><language>de_AT</language>"), url=URL)
    assert (feed.format, feed.ttl_s, feed.language) == ("rss20", 1800, "de-AT")
    assert [entry.title for entry in parse(RDF.encode(), url=URL).entries] == ["Eins"]


def test_a_broken_feed_still_gives_its_entries() -> None:
    """Cut in the middle, with a bare ampersand: what can be read is read, and the fault told."""
    broken = rss(item("a", "First")).replace(b"</channel></rss>", b"<item><title>Tom & Jerry</title>")
    feed = parse(broken, url=URL)
    assert [entry.title for entry in feed.entries] == ["First", "Tom & Jerry"]
    assert feed.error is None
    assert "not well-formed" in feed.problems[0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Hello", "web page"),
        (b"\x00\x01\x02\xff\xfe", "not a feed"),
        (b'{"a": 1}', "not a feed"),
        (b"/etc/passwd", "not a feed"),
        (b"http://127.0.0.1:1/", "not a feed"),
    ],
)
def test_what_is_no_feed_is_told_in_words(body: bytes, words: str) -> None:
    """Nothing raises; a body that looks like a path or an address is never opened."""
    feed = parse(body, url=URL)
    assert words in (feed.error or "")
    assert feed.entries == ()


def test_external_entities_are_harmless(tmp_path: Path) -> None:
    """Neither a file nor an address of the document's choice is read."""
    secret = tmp_path / "secret.txt"
    secret.write_text("do-not-read-me")
    body = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}">'
        '<!ENTITY % y SYSTEM "http://127.0.0.1:1/evil.dtd"> %y;]>'
        "<rss version='2.0'><channel><title>T</title><item><title>A &x; B</title></item></channel></rss>"
    ).encode()
    feed = parse(body, url=URL)
    assert "do-not-read-me" not in str(feed)
    assert len(feed.entries) == 1


def test_entities_do_not_expand_without_end() -> None:
    """A billion laughs stay a few."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    body = f"<!DOCTYPE rss [{laughs}]><rss version='2.0'><channel>{'<item><title>&l9;</title></item>'}</channel></rss>"
    started = time.monotonic()
    assert len(str(parse(body.encode(), url=URL))) < 10_000
    assert time.monotonic() - started < 5


def test_too_many_entries_leave_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in the document they stand."""
    monkeypatch.setattr(parsing, "MAX_ENTRIES", 2)
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
    feed = parse(rss(*(item(f"e{day.day}", date=day) for day in days)), url=URL)
    assert [entry.guid for entry in feed.entries] == ["e3", "e2"]
    assert "3 entries" in feed.problems[0]


def test_an_entry_without_anything_is_told_of() -> None:
    """It is kept for the person who checks the feed."""
    feed = parse(rss("<item></item>", item("a")), url=URL)
    assert len(feed.entries) == 2
    assert "neither id" in feed.problems[0]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "https://x.example/" + "y" * 3000])
def test_links_that_lead_elsewhere_are_dropped(link: str) -> None:
    """Only web addresses of sane length are kept."""
    [entry] = parse(rss(item("a", link=link)), url=URL).entries
    assert entry.url is None


@pytest.mark.parametrize("date", ["Tue, 99 Foo 2026", "0000-00-00", "Mon, 01 Jan 0001 00:00:00 GMT", "9999"])
def test_a_date_that_makes_no_sense_is_none(date: str) -> None:
    """And nothing raises."""
    feed = parse(rss(f"<item><title>A</title><pubDate>{date}</pubDate></item>"), url=URL)
    assert feed.entries[0].published is None


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_encodings_are_believed_as_far_as_they_are_true(charset: str) -> None:
    """The declared one, whatever the header says."""
    items = "<item><title>Hôpital été</title></item>"
    body = f"<?xml version='1.0' encoding='{charset}'?><rss version='2.0'><channel>{items}</channel></rss>"
    assert parse(body.encode(charset), url=URL, content_type="text/xml").entries[0].title == "Hôpital été"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<br>b", "a\nb"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("x <script>alert(1)</script>y<style>p{}</style>", "x y"),
        ("&lt;p&gt;twice&lt;/p&gt; &amp;lt;b&amp;gt;", "twice\n<b>"),
        ("5 &lt; 6 &amp; 7", "5 < 6 & 7"),
        ("a\u202eb\u2066c\u200bd\ufeffe\x00f\x1bg", "abcdefg"),
        ("&#8238;abc&#0;", "abc\ufffd"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud800x", "x"),
        ("<b>unclosed", "unclosed"),
        ("a &nbsp; b\r\n\r\n\r\nc", "a b\nc"),
    ],
)
def test_markup_becomes_safe_plain_text(text: str, expected: str) -> None:
    """Tags, scripts, controls and bidi characters go; words and joiners stay."""
    assert plain(text, markup=True, limit=1000) == expected


def test_plain_text_keeps_its_angle_brackets() -> None:
    """What is no markup is not read as markup."""
    assert one_line("if a<b then\nc>d", markup=False, limit=100) == "if a<b then c>d"


def test_text_is_cut_at_its_limits() -> None:
    """By characters when it is read, by bytes when it is sent."""
    assert len(plain("x" * 100_000, markup=False, limit=60_000)) == 60_000
    assert len(fit("手" * 60_000, 90_000).encode()) <= 90_000
    assert fit('"' * 100, 102) == '"' * len(fit('"' * 100, 102))
    assert fit("short", 100) == "short"


@pytest.mark.parametrize("evil", ["<div>", "<p a='", "<!--", "<script>", "<", "&lt;", "</", "<div", "&", "&#x1", " \n"])
def test_evil_markup_costs_no_time(evil: str) -> None:
    """Deep nesting, tags and comments without an end: all are read in linear time."""
    started = time.monotonic()
    plain(evil * (480_000 // len(evil)) + "x", markup=True, limit=60_000)
    assert time.monotonic() - started < 2


def test_a_result_survives_the_way_through_a_process() -> None:
    """What the parser's process writes is what the service reads."""
    feed = parse(ATOM.encode(), url=URL)
    assert load(dump(feed)) == feed
    assert load(dump(ParsedFeed(error="x"))) == ParsedFeed(error="x")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://News.Example:443/a#top", "https://news.example/a"),
        ("https://n.example/a?utm_source=x&id=5&fbclid=1", "https://n.example/a?id=5"),
        ("https://n.example", "https://n.example/"),
        ("https://n.example/é", "https://n.example/%C3%A9"),
        ("https://n.example/%C3%A9", "https://n.example/%C3%A9"),
        ("http://n.example:8080/?b=2&a=1", "http://n.example:8080/?b=2&a=1"),
        ("not an address", "not an address"),
        ("http://[::1/", "http://[::1/"),
    ],
)
def test_one_page_has_one_address(url: str, expected: str) -> None:
    """However it was linked; odd input comes back as it is."""
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected
    assert host_of(url) in expected


def test_digits_that_are_no_number_cost_their_own_date_alone() -> None:
    """Python calls them digits, and reads no number from them."""
    items = [
        {"id": name, "title": name, "date_published": date} for name, date in (("a", "\u00b2" * 9), ("b", "1790000000"))
    ]
    feed = parse(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode(), url=URL)
    assert [(one.guid, one.published is None) for one in feed.entries] == [("a", True), ("b", False)]
