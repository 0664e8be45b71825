"""Fetching from servers that are polite, odd or hostile: real ones, on loopback."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from services.ingest.fetching.addresses import look_up, make_policy, parse_networks
from services.ingest.fetching.fetch import MAX_REDIRECTS, Fetcher, Validators, Wishes
from shared.errors import ConfigError
from tests.ingest.feed_server import Answer, Asked, FeedServer, feed_server

BODY = b"<rss>" + b"x" * 1000 + b"</rss>"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """Fetch with loopback allowed, small limits and short patience."""
    policy = make_policy(parse_networks("127.0.0.0/8"))
    opened = Fetcher(policy, user_agent="test", max_body=100_000, within_s=2.0)
    yield opened
    await opened.aclose()


async def test_an_answer_comes_whole_with_its_headers(server: FeedServer, fetcher: Fetcher) -> None:
    """And the request says who asks, honestly."""
    server.answers["/f"] = Answer(BODY, headers=(("ETag", 'W/"a"'), ("Last-Modified", "yesterday, I think")))
    fetched = await fetcher.fetch(server.url("/f"))
    assert (fetched.status, fetched.body, fetched.error) == (200, BODY, None)
    assert fetched.validators() == Validators('W/"a"', "yesterday, I think", server.url("/f"))
    assert server.asked[0].headers["user-agent"] == "test"
    assert "cookie" not in server.asked[0].headers


async def test_validators_are_sent_byte_for_byte_and_only_where_they_came_from(
    server: FeedServer, fetcher: Fetcher
) -> None:
    """Odd quotes, Latin-1 and odd dates included."""
    server.answers["/f"] = Answer(status=304)
    odd = Validators('W/"\xe9\xff,x"', "Someday, 99 Foo", server.url("/f"))
    fetched = await fetcher.fetch(server.url("/f"), odd)
    assert fetched.status == 304
    assert server.asked[0].headers["if-none-match"] == 'W/"\xe9\xff,x"'
    assert server.asked[0].headers["if-modified-since"] == "Someday, 99 Foo"
    await fetcher.fetch(server.url("/f"), Validators("x", "y", "http://other.example/"))
    assert "if-none-match" not in server.asked[1].headers


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("", gzip.compress(BODY)),
        ("gzip", BODY),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("gzip", gzip.compress(BODY[:500]) + gzip.compress(BODY[500:])),
        ("identity", BODY),
    ],
    ids=["gzip", "gzip-unsaid", "gzip-untrue", "deflate", "deflate-raw", "gzip-twice", "identity"],
)
async def test_packings_are_unpacked_whatever_the_header_claims(
    server: FeedServer, fetcher: Fetcher, encoding: str, packed: bytes
) -> None:
    """The bytes are believed rather than the header."""
    server.answers["/f"] = Answer(packed, headers=(("Content-Encoding", encoding),) if encoding else ())
    assert (await fetcher.fetch(server.url("/f"))).body == BODY


async def test_a_gzip_bomb_is_refused(server: FeedServer, fetcher: Fetcher) -> None:
    """Packed once it bursts at the cap; packed twice it is not even opened."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    server.answers["/once"] = Answer(bomb, headers=(("Content-Encoding", "gzip"),))
    server.answers["/twice"] = Answer(gzip.compress(bomb), headers=(("Content-Encoding", "gzip, gzip"),))
    assert "larger than" in ((await fetcher.fetch(server.url("/once"))).error or "")
    assert "more than once" in ((await fetcher.fetch(server.url("/twice"))).error or "")


@pytest.mark.parametrize("headers", [(("Content-Encoding", "br"),), (("Content-Encoding", "x-strange"),)])
async def test_a_packing_not_asked_for_is_refused(
    server: FeedServer, fetcher: Fetcher, headers: tuple[tuple[str, str], ...]
) -> None:
    """We say what we accept."""
    server.answers["/f"] = Answer(BODY, headers=headers)
    assert "not asked for" in ((await fetcher.fetch(server.url("/f"))).error or "")


async def test_an_answer_that_breaks_off_is_read_but_not_believed(server: FeedServer, fetcher: Fetcher) -> None:
    """What came is there; that it is not all, too."""

    async def breaks_off(asked: Asked) -> None:
        asked.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>half")
        await asked.writer.drain()

    server.answers["/f"] = breaks_off
    fetched = await fetcher.fetch(server.url("/f"))
    assert (fetched.body, fetched.cut_short) == (b"<rss>half", True)


async def test_a_gzip_of_a_million_empty_pieces_is_refused(server: FeedServer, fetcher: Fetcher) -> None:
    """It never reaches the limit of what comes out, and costs time for every one."""
    server.answers["/f"] = Answer(gzip.compress(b"") * 50_000, headers=(("Content-Encoding", "gzip"),))
    server.answers["/two"] = Answer(gzip.compress(b"<rss>") + gzip.compress(b"</rss>"))
    assert "pieces" in ((await fetcher.fetch(server.url("/f"))).error or "")
    assert (await fetcher.fetch(server.url("/two"))).body == b"<rss></rss>"


async def test_an_answer_in_crumbs_is_left(server: FeedServer, fetcher: Fetcher) -> None:
    """A chunk for each byte: what came counts, and is not believed to be all."""

    async def crumbles(asked: Asked) -> None:
        asked.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60_000)
        await asked.writer.drain()

    server.answers["/f"] = crumbles
    fetched = await fetcher.fetch(server.url("/f"))
    assert fetched.cut_short
    assert len(fetched.body) == 20_000


async def test_a_server_that_says_wait_for_ever_is_left(server: FeedServer, fetcher: Fetcher) -> None:
    """A few interim answers are allowed, thousands are not."""

    async def waits(asked: Asked) -> None:
        asked.writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * (2_000 if asked.path == "/f" else 2))
        asked.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await asked.writer.drain()

    server.answers["/f"] = server.answers["/g"] = waits
    assert "HTTP" in ((await fetcher.fetch(server.url("/f"))).error or "")
    assert (await fetcher.fetch(server.url("/g"))).body == b"ok"


@pytest.mark.parametrize(
    "drip",
    [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["headers", "body"],
)
async def test_a_server_that_drips_is_left(server: FeedServer, drip: bytes) -> None:
    """The limit is on the whole, so that a byte a moment does not prolong it."""

    async def drips(asked: Asked) -> None:
        asked.writer.write(drip)
        for _ in range(100):
            asked.writer.write(b"x")
            await asked.writer.drain()
            await asyncio.sleep(0.05)

    server.answers["/f"] = drips
    hasty = Fetcher(make_policy(allow_private=True), user_agent="test", within_s=0.5)
    fetched = await hasty.fetch(server.url("/f"))
    await hasty.aclose()
    assert "within 0.5 s" in (fetched.error or "")


async def test_permanent_redirects_are_a_move_and_others_are_not(server: FeedServer, fetcher: Fetcher) -> None:
    """A move ends at the first redirect that is only for now."""
    server.answers["/old"] = Answer(status=301, headers=(("Location", "/new"),))
    server.answers["/new"] = Answer(status=302, headers=(("Location", server.url("/now") + "#x"),))
    server.answers["/now"] = Answer(BODY)
    fetched = await fetcher.fetch(server.url("/old"))
    assert (fetched.moved_to, fetched.final_url) == (server.url("/new"), server.url("/now"))
    assert (await fetcher.fetch(server.url("/new"))).moved_to is None


async def test_redirects_end(server: FeedServer, fetcher: Fetcher) -> None:
    """A circle is left after a few rounds."""
    server.answers["/f"] = Answer(status=302, headers=(("Location", "/f"),))
    assert "redirects" in ((await fetcher.fetch(server.url("/f"))).error or "")
    assert server.times("/f") == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://0x7f.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://[bad",
    ],
)
async def test_a_redirect_to_where_nobody_may_go_is_refused(server: FeedServer, fetcher: Fetcher, target: str) -> None:
    """Private, link-local, metadata and wrapped addresses, and anything but http(s)."""
    server.answers["/f"] = Answer(status=302, headers=(("Location", target),))
    fetched = await fetcher.fetch(server.url("/f"))
    assert fetched.error
    assert fetched.body == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_refused_unless_allowed(server: FeedServer, host: str) -> None:
    """By address or by name; the request never arrives."""
    strict = Fetcher(user_agent="test", within_s=5)
    fetched = await strict.fetch(f"http://{host}:{server.port}/f")
    await strict.aclose()
    assert "refused" in (fetched.error or "")
    assert server.asked == []


async def test_the_address_is_checked_when_connecting() -> None:
    """Whatever a name was at any earlier look-up: the check and the connection are one act."""
    with pytest.raises(Exception, match="not permitted"):
        await look_up("localhost", 9, make_policy())
    assert "127.0.0.1" in await look_up("localhost", 9, make_policy(allow_private=True))


async def test_metadata_stays_closed_even_where_private_is_allowed() -> None:
    """Clouds keep credentials there."""
    fetcher = Fetcher(make_policy(allow_private=True), user_agent="test", within_s=5)
    fetched = await fetcher.fetch("http://169.254.169.254/")
    await fetcher.aclose()
    assert "refused" in (fetched.error or "")


async def test_cookies_are_not_kept(server: FeedServer, fetcher: Fetcher) -> None:
    """One feed's cookie never follows us to the next request."""
    server.answers["/f"] = Answer(BODY, headers=(("Set-Cookie", "a=b"),))
    await fetcher.fetch(server.url("/f"))
    await fetcher.fetch(server.url("/f"))
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://", "http://nowhere.invalid/", "http://a b/", "http://127.0.0.1:99999/"]
)
async def test_an_address_that_leads_nowhere_is_told_in_words(fetcher: Fetcher, url: str) -> None:
    """Nothing raises."""
    assert (await fetcher.fetch(url)).error


def test_a_network_that_is_none_is_refused_by_name() -> None:
    """The setting stands in the error."""
    with pytest.raises(ConfigError, match="CODEGREY_PRIVATE_FEEDS: 'x'"):
        parse_networks("10.0.0.0/8, x")
    with pytest.raises(ConfigError, match="CODEGREY_PRIVATE_FEEDS"):
        make_policy(parse_networks("64:ff9b::/96"))


async def test_configured_headers_never_follow_a_redirect_to_another_origin(
    server: FeedServer, fetcher: Fetcher
) -> None:
    """A token belongs to the publisher that it was made for."""
    async with feed_server() as other:
        server.answers["/f"] = Answer(status=302, headers=(("Location", other.url("/g")),))
        other.answers["/g"] = Answer(BODY)
        wishes = Wishes(headers=(("X-Token", "abc"),))
        assert (await fetcher.fetch(server.url("/f"), wishes=wishes)).status == 200
        assert server.asked[0].headers["x-token"] == "abc"
        assert "x-token" not in other.asked[0].headers


async def test_a_proxy_is_asked_for_the_whole_address(server: FeedServer, fetcher: Fetcher) -> None:
    """The name is the proxy's to look up; limits of one address hold there too."""
    server.answers["http://far.invalid/f"] = Answer(BODY)
    fetched = await fetcher.fetch("http://far.invalid/f", wishes=Wishes(proxy=server.url("")))
    assert (fetched.status, fetched.body) == (200, BODY)
    large = await fetcher.fetch("http://far.invalid/f", wishes=Wishes(proxy=server.url(""), max_body=10))
    assert "larger" in (large.error or "")
    refused = await fetcher.fetch("https://far.invalid/f", wishes=Wishes(proxy=server.url("")))
    assert "the proxy refuses" in (refused.error or "")


async def test_a_kept_connection_that_died_is_opened_anew(server: FeedServer, fetcher: Fetcher) -> None:
    """Servers close them whenever they like."""
    server.answers["/f"] = Answer(BODY)
    await fetcher.fetch(server.url("/f"))

    async def drop(asked: Asked) -> None:
        server.answers["/f"] = Answer(BODY)
        asked.writer.close()

    server.answers["/f"] = drop
    assert (await fetcher.fetch(server.url("/f"))).status == 200
    assert server.times("/f") == 3
