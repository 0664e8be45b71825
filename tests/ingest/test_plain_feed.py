"""The quick reader of plain feeds: it says what feedparser says, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from services.ingest.parsing.parse import _parse_feed
from services.ingest.parsing.plain_feed import read_plain_feed
from tests.ingest.feed_server import item, rss

URL = "https://news.example/feed.xml"
KIND = "application/rss+xml; charset=utf-8"
DAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

ATOM = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr">'
    '<title type="html">Le &amp;amp; Journal</title><id>urn:f</id><updated>2026-11-24T10:00:00Z</updated>'
    '<link rel="self" href="https://news.example/atom"/><link rel="hub" href="https://hub.example/"/>'
    "<entry><id>urn:1</id><title>L'hôpital &amp; la ville</title><link href='https://news.example/1'/>"
    "<updated>2026-11-24T11:00:00.123+01:00</updated><published>2026-11-23T10:00:00Z</published>"
    '<author><name>X</name></author><summary type="html">&lt;p&gt;Un&lt;/p&gt;&lt;p&gt;Deux&lt;/p&gt;</summary>'
    '<content type="html"><![CDATA[<p>Un long texte, avec <b>gras</b> &eacute;</p>]]></content></entry>'
    "<entry><id>urn:2</id><title/><link href='https://news.example/2'/><updated>2026-11-24T10:00:00Z</updated>"
    "<summary>5 &lt; 6</summary></entry></feed>"
).encode()

WORDPRESS = (
    b'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
    b'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">'
    b'<channel><title>Blog</title><atom:link href="https://news.example/feed/" rel="self"/>'
    b"<link>https://news.example</link><description>D</description><language>en-US</language>"
    b"<sy:updatePeriod>hourly</sy:updatePeriod><ttl>60</ttl><skipHours><hour>3</hour></skipHours>"
    b"<item><title>One</title><link>https://news.example/1</link><dc:creator><![CDATA[Me]]></dc:creator>"
    b"<pubDate>Tue, 24 Nov 2026 10:00:00 +0000</pubDate><category><![CDATA[News]]></category>"
    b'<guid isPermaLink="false">https://news.example/?p=1</guid>'
    b"<description><![CDATA[<p>Short &#8230; more</p>]]></description>"
    b"<content:encoded><![CDATA[<p>All of it.</p><script>x()</script>]]></content:encoded></item></channel></rss>"
)


@pytest.mark.parametrize(
    "body",
    [
        ATOM,
        WORDPRESS,
        rss(item("a", "Plain", "Text", link="https://news.example/a", date=DAY), extra="<ttl>5</ttl>"),
        rss(item("a", "Tom & Jerry", "<p>x</p> & y", link="https://news.example/a", date=DAY)),
        rss(*(item("same", f"{n}", link=f"https://news.example/{n}") for n in range(5))),
        rss(item("a", "漢字 hôpital", "\u202eevil\u202c  spaced\n\nlines", link="https://news.example/a")),
        rss(item("a", "x" * 9_000, "y" * 90_000, link="https://news.example/a")),
    ],
)
def test_a_plain_feed_is_read_as_feedparser_reads_it(body: bytes) -> None:
    """In every field."""
    assert read_plain_feed(body, URL, KIND) is not None
    assert _parse_feed(body, URL, KIND) == _parse_feed(body, URL, KIND, quickly=False)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (WORDPRESS, "text/html"),
        (WORDPRESS, "text/xml; charset=iso-8859-1"),
        (WORDPRESS.replace(b"UTF-8", b"ISO-8859-1"), KIND),
        (WORDPRESS.replace(b"</channel>", b""), KIND),
        (WORDPRESS.replace(b"<rss ", b"<!DOCTYPE rss [<!ENTITY a 'b'>]><rss "), KIND),
        (WORDPRESS.replace(b"<link>https://news.example/1</link>", b"<link>/1</link>"), KIND),
        (WORDPRESS.replace(b"Tue, 24 Nov 2026 10:00:00 +0000", b"24 November 2026"), KIND),
        (WORDPRESS.replace(b"<title>One</title>", b"<title>A &lt;b&gt;x&lt;/b&gt;</title>"), KIND),
        (WORDPRESS.replace(b"<title>One</title>", b"<title>One</title><title>Two</title>"), KIND),
        (WORDPRESS.replace(b"<title>One</title>", b"<title>One</title><odd/>"), KIND),
        (ATOM.replace(b'type="html"', b'type="xhtml"'), KIND),
        (ATOM.replace(b"<entry>", b"<entry xml:base='/x'>", 1), KIND),
        (b"", KIND),
        (b"\x00\xff", KIND),
    ],
)
def test_whatever_is_odd_is_left_to_feedparser(body: bytes, kind: str) -> None:
    """Rather than guessed."""
    assert read_plain_feed(body, URL, kind) is None


PIECES = (
    b"&amp;|&lt;b&gt;x|<!-- c -->|<?pi x?>| |type='html' |<item/>|<entry/>|<title>Q</title>|<guid>7</guid>|"
    b"<link href='https://x.example/9'/>|<description/>|<pubDate/>|xml:lang='de' |2026|:|&#8230;|<author>z</author>"
).split(b"|")


@pytest.mark.parametrize("seed", range(4))
def test_feeds_with_random_faults_are_read_alike_or_left(seed: int) -> None:
    """Odd pieces put in and bytes taken out: wherever both read a feed, they read the same."""
    random = Random(seed)
    for _ in range(500):
        body = bytearray(random.choice([ATOM, WORDPRESS]))
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(body))
            if random.random() < 0.7:
                place = max(body.find(b"<", place), 0) if random.random() < 0.5 else body.find(b">", place) + 1
                body[place:place] = random.choice(PIECES)
            else:
                del body[place : place + random.randint(1, 3)]
        given = bytes(body)
        if read_plain_feed(given, URL, KIND) is not None:
            assert _parse_feed(given, URL, KIND) == _parse_feed(given, URL, KIND, quickly=False), given
