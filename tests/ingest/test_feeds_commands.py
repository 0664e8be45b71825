"""`codegrey feeds add`, `import`, `export`, `schema` and `check --all`, with a real server and real files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.ingest.commands import feeds
from services.ingest.sources.opml import read_opml
from shared.errors import ConfigError
from tests.ingest.feed_server import Answer, FeedServer, item, rss

FILE = """# Ours.
contact: me@example.org   # a person

feeds:
  # the first
  - https://a.example/feed   # keep me
"""
OPML = b"""<?xml version="1.0"?><opml version="1.0"><body><outline text="Folder">
<outline text="A" xmlUrl="https://a.example/feed"/><outline title="B &amp; C" xmlUrl="https://b.example/feed"/>
<outline xmlUrl="ftp://odd.example/"/><outline text="empty"/></outline></body></opml>"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a folder of the test's own."""
    monkeypatch.setenv("CODEGREY_CONFIG", str(tmp_path))
    (tmp_path / "feeds.yaml").write_text(FILE, "utf-8")
    return tmp_path


async def run(*arguments: str) -> Result:
    """Run a command beside the server, which lives in this process."""
    return await asyncio.to_thread(CliRunner().invoke, feeds, arguments)


async def test_the_feed_behind_a_page_is_found_and_written_and_comments_stay(config: Path, server: FeedServer) -> None:
    """Once: a second time nothing is written."""
    page = b"<!doctype html><html><head><link rel=alternate type=application/atom+xml href=/f></head><body>x</html>"
    server.answers |= {"/": Answer(page, headers=(("Content-Type", "text/html"),)), "/f": Answer(rss(item("a")))}
    result = await run("add", server.url("/"), "--name", "Mine", "--allow-private")
    assert result.exit_code == 0, result.output
    text = (config / "feeds.yaml").read_text("utf-8")
    assert text.startswith(FILE)
    assert f"  - url: {server.url('/f')}\n    name: Mine\n    allow_private: true\n" in text
    assert "configured already" in (await run("add", server.url("/f"), "--allow-private")).stdout
    assert (config / "feeds.yaml").read_text("utf-8") == text


@pytest.mark.parametrize(("path", "status"), [("/none", 1), ("nonsense", 2)])
async def test_what_cannot_be_read_is_not_added(config: Path, server: FeedServer, path: str, status: int) -> None:
    """And the reason is told."""
    result = await run("add", server.url(path) if path.startswith("/") else path, "--allow-private")
    assert (result.exit_code, bool(result.stderr)) == (status, True)
    assert (config / "feeds.yaml").read_text("utf-8") == FILE


async def test_opml_comes_in_and_goes_out(config: Path) -> None:
    """Feeds that are there already, and odd lines, are left."""
    (config / "list.opml").write_bytes(OPML)
    assert "1 feeds added" in (await run("import", str(config / "list.opml"))).stdout
    exported = await run("export")
    assert [(feed.url, feed.name) for feed in read_opml(exported.stdout.encode())] == [
        ("https://a.example/feed", "a.example"),
        ("https://b.example/feed", "B & C"),
    ]
    with pytest.raises(ConfigError):
        list(read_opml(b"<html/>"))


async def test_all_that_is_configured_can_be_checked_as_the_service_reads_it(config: Path, server: FeedServer) -> None:
    """With its selector, its headers and its leave to read private addresses."""
    page = b"<html><body><h2><a href=/1>One</a></h2></body></html>"
    server.answers["/p"] = Answer(page, headers=(("Content-Type", "text/html"),))
    (config / "feeds.yaml").write_text(
        f"feeds:\n  - url: {server.url('/p')}\n    page: h2 a\n    allow_private: true\n"
        f"    headers: {{X-Key: abc}}\n  - {server.url('/closed')}\n",
        "utf-8",
    )
    result = await run("check", "--all", "--json")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["format"], [entry["title"] for entry in first["entries"]]) == ("page", ["One"])
    assert "refused" in second["error"]
    assert server.asked[0].headers["x-key"] == "abc"
    assert "1 of 2 feeds can be read" in result.stderr


async def test_the_schema_is_printed() -> None:
    """For an editor."""
    assert json.loads((await run("schema")).stdout)["title"]
