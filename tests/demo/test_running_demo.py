"""The demo's surroundings: real feeds over HTTP, real sinks, the same again after a restart."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import feedparser
import httpx2
import pytest

from services.ingest.sources.feeds_file import FeedsFile
from services.launcher.demo import DemoEndpoints, running_demo
from services.launcher.demo.memory import Memory
from services.launcher.demo.samples import outlets
from services.notifier.config import Subscriptions
from shared.config_file import read_config
from shared.errors import CodeGreyError
from shared.settings import check_environment


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.time


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def demo(tmp_path: Path, watch: Watch, said: list[str]) -> AsyncIterator[DemoEndpoints]:
    async with running_demo(tmp_path / "demo", say=said.append, now=watch) as running:
        yield running


@pytest.fixture
async def web(demo: DemoEndpoints) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=demo.address, follow_redirects=False, trust_env=False) as client:
        yield client


def send(port: int, subject: str, html: str = "<p>read <b>me</b></p>") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "codegrey@demo.example", "duty@example.org", subject
    message.set_content("read me")
    message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.send_message(message)


async def test_each_feed_is_served_and_read_by_a_feed_reader(web: httpx2.AsyncClient, watch: Watch) -> None:
    """Titles, dates, ids, language and content are where a reader looks for them, in RSS and in Atom."""
    for outlet in outlets():
        feed = feedparser.parse((await web.get(f"/{outlet.key}/feed.xml")).content)
        assert not feed.bozo
        assert feed.version == {"rss": "rss20", "atom": "atom10"}[outlet.format]
        assert (feed.feed.title, feed.feed.language) == (outlet.name, outlet.language)
        assert feed.entries
        for entry in feed.entries:
            article = next(one for one in outlet.articles if entry.id.endswith(one.slug))
            published = datetime(*entry.published_parsed[:6], tzinfo=UTC)
            assert published == watch.time - timedelta(minutes=article.minutes_before)
            assert (entry.title, entry.summary) == (article.title, article.summary)
            assert ("content" in entry) == (outlet.carries == "text")
            assert (await web.get(entry.link)).status_code == 200


async def test_the_feeds_answer_304_until_something_is_published(web: httpx2.AsyncClient, watch: Watch) -> None:
    """Both validators work alone; a stale tag outranks a fresh date; a new article ends it."""
    first = await web.get("/courrier/feed.xml")
    tag, date = first.headers["etag"], first.headers["last-modified"]
    watch.time += timedelta(seconds=10)
    for headers in ({"if-none-match": tag}, {"if-none-match": f'"x", W/{tag}'}, {"if-modified-since": date}):
        answer = await web.get("/courrier/feed.xml", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert (answer.headers["etag"], answer.headers["last-modified"]) == (tag, date)
    stale = await web.get("/courrier/feed.xml", headers={"if-none-match": '"x"', "if-modified-since": date})
    assert stale.status_code == 200
    assert (await web.get("/courrier/feed.xml", headers={"if-modified-since": "rubbish"})).status_code == 200
    watch.time += timedelta(seconds=10)
    for headers in ({"if-none-match": tag}, {"if-modified-since": date}):
        changed = await web.get("/courrier/feed.xml", headers=headers)
        assert changed.status_code == 200
        assert "Trévazec" in feedparser.parse(changed.content).entries[0].title


async def test_the_calendar_starts_when_a_feed_is_first_read_and_not_before(
    web: httpx2.AsyncClient, watch: Watch
) -> None:
    """A slow first start costs no live article: looking at the pages does not start the calendar."""
    await web.get("/")
    assert "Trévazec" not in (await web.get("/courrier/")).text
    watch.time += timedelta(minutes=10)
    await web.get("/wire/feed.xml")
    assert (await web.get("/courrier/trevazec")).status_code == 302
    watch.time += timedelta(seconds=16)
    assert "Trévazec" in (await web.get("/courrier/")).text
    assert "Trévazec" in (await web.get("/courrier/trevazec")).text
    assert (await web.get("/courrier/never-written")).status_code == 404
    assert (await web.get("/nobody/feed.xml")).status_code == 404


async def test_starting_again_serves_the_very_same_feeds_at_the_same_addresses(tmp_path: Path, watch: Watch) -> None:
    """A second start a day later gives the same bytes, ports and secrets."""

    async def look() -> tuple[dict[str, str], str, list[bytes]]:
        async with running_demo(tmp_path, say=str, now=watch) as demo, httpx2.AsyncClient(trust_env=False) as client:
            pages = [await client.get(f"{demo.address}/{outlet.key}/feed.xml") for outlet in outlets()]
            return demo.environment, demo.lines[-1], [page.content for page in pages]

    await look()
    watch.time += timedelta(minutes=5)
    environment, _, feeds = await look()
    watch.time += timedelta(days=1)
    again = await look()
    assert (again[0], again[2]) == (environment, feeds)
    assert "repeats nothing" in again[1]


async def test_a_port_that_is_taken_meanwhile_is_stepped_around(tmp_path: Path) -> None:
    """Another program on the remembered port harms neither it nor the demo."""
    async with running_demo(tmp_path, say=str) as demo:
        port = demo.mails.port
    other = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    async with running_demo(tmp_path, say=str) as demo:
        assert demo.mails.port != port
        assert demo.environment["CODEGREY_SMTP_PORT"] == str(demo.mails.port)
        assert Memory(tmp_path / "demo").ports["smtp"] == demo.mails.port
    other.close()
    await other.wait_closed()


async def test_a_second_demo_in_the_same_folder_is_refused(demo: DemoEndpoints) -> None:
    """The first one keeps its ports and its configuration."""
    before = (demo.config / "feeds.yaml").read_text("utf-8")
    with pytest.raises(CodeGreyError, match="already runs"):
        async with running_demo(demo.config.parents[1], say=str):
            pass
    assert (demo.config / "feeds.yaml").read_text("utf-8") == before


async def test_the_configuration_it_writes_is_valid(demo: DemoEndpoints) -> None:
    """The services' own models read the files, and the environment names only settings that are."""
    feeds = read_config(demo.config / "feeds.yaml", FeedsFile)
    assert [feed.interval for feed in feeds.feeds] == [5] * len(outlets())
    subscriptions = read_config(demo.config / "subscriptions.yaml", Subscriptions)
    secret = {f"CODEGREY_CHANNEL_{name.upper().replace('-', '_')}" for name in subscriptions.channels}
    check_environment(demo.environment)
    given = {name for name in demo.environment if name.startswith("CODEGREY_CHANNEL_")}
    assert given == {name for name in secret if "MAIL" not in name}


async def test_mail_is_kept_announced_and_shown_in_a_frame_that_can_do_nothing(
    demo: DemoEndpoints, web: httpx2.AsyncClient, said: list[str]
) -> None:
    """The page escapes what strangers wrote; the mail's HTML runs no script wherever it is opened."""
    assert "Nothing has been sent" in (await web.get("/mail")).text
    await asyncio.to_thread(send, demo.mails.port, "[4/5] Hôpital <i>x</i>", "<script>alert(1)</script><p>body</p>")
    folder = demo.config.parent / "mail"
    assert {path.suffix for path in folder.glob("0001.*")} == {".eml", ".html", ".txt"}
    assert said == [f"✉ mail to duty@example.org | [4/5] Hôpital <i>x</i> | {demo.address}/mail/1"]
    assert "Hôpital &lt;i&gt;x&lt;/i&gt;" in (await web.get("/mail")).text
    shown = await web.get("/mail/1")
    assert 'sandbox="allow-popups' in shown.text
    assert "alert(1)" not in shown.text
    body = await web.get("/mail/1/body")
    assert "<p>body</p>" in body.text
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert (await web.get("/mail/2")).status_code == 404


async def test_chat_needs_the_secret_and_is_kept_and_shown(
    demo: DemoEndpoints, web: httpx2.AsyncClient, said: list[str]
) -> None:
    """Only who knows the address may write; what was written is escaped."""
    address = demo.environment["CODEGREY_CHANNEL_RECORDS"]
    async with httpx2.AsyncClient(trust_env=False) as client:
        refused = await client.post(address[:-3], json={"text": "forged"})
        accepted = await client.post(address, json={"title": "Alert <b>", "message": "@all"}, headers={"X-One": "1"})
    assert (refused.status_code, accepted.status_code) == (404, 200)
    (call,) = demo.calls.messages
    assert (call.channel, call.headers["x-one"], call.title) == ("records", "1", "Alert <b>")
    assert said == [f"✉ chat to records | Alert <b> | {call.file}"]
    assert "Alert &lt;b&gt;" in (await web.get("/chat")).text


async def test_a_foreign_host_name_is_not_answered(web: httpx2.AsyncClient) -> None:
    """A web page in somebody's browser cannot read the demo by rebinding a name."""
    assert (await web.get("/mail", headers={"Host": "evil.example"})).status_code == 400
