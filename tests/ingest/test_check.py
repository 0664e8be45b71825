"""`codegrey feeds check`: one finding for each address, in order, whatever it holds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.ingest.commands import feeds
from tests.ingest.feed_server import Answer, FeedServer, item, rss

KEYS = ["url", "final_url", "status", "format", "title", "entries", "problems", "error"]
ENTRY_KEYS = ["id", "url", "title", "summary", "published", "language"]


async def check(*arguments: str, stdin: str = "") -> Result:
    """Run the command beside the server, which lives in this process."""
    runner = CliRunner()
    return await asyncio.to_thread(runner.invoke, feeds, ["check", *arguments], input=stdin)


def found(result: Result) -> list[dict[str, Any]]:
    """Read its JSON lines."""
    return [json.loads(line) for line in result.stdout.splitlines()]


async def test_each_address_gives_one_object_in_order(server: FeedServer) -> None:
    """Good, broken, missing and senseless ones; the status says that something failed."""
    server.answers["/good"] = Answer(rss(item("a", "Tïtle", "Sum"), extra="<language>fr</language>"))
    server.answers["/bad"] = Answer(b"<rss><channel><item><title>A & B</title>")
    urls = [server.url("/good"), server.url("/none"), "nonsense", server.url("/bad"), server.url("/good")]
    result = await check("--json", "--allow-private", *urls)
    findings = found(result)
    assert result.exit_code == 1
    assert [one["url"] for one in findings] == urls
    assert all(list(one) == KEYS for one in findings)
    assert findings[0]["error"] is None
    assert [list(entry) for entry in findings[0]["entries"]] == [ENTRY_KEYS]
    assert findings[0]["entries"][0] | {"url": ""} == {
        "id": "a",
        "url": "",
        "title": "Tïtle",
        "summary": "Sum",
        "published": None,
        "language": "fr",
    }
    assert (findings[1]["status"], findings[1]["error"]) == (404, "answered 404")
    assert findings[2]["error"]
    assert [entry["title"] for entry in findings[3]["entries"]] == ["A & B"]


async def test_private_addresses_need_a_word(server: FeedServer) -> None:
    """Without it nothing is asked."""
    result = await check("--json", server.url("/good"))
    assert "refused" in found(result)[0]["error"]
    assert server.asked == []


async def test_addresses_come_from_a_file_or_standard_input(server: FeedServer, tmp_path: Path) -> None:
    """One a line; comments and empty lines are passed over."""
    server.answers["/a"] = Answer(rss(item("a")))
    file = tmp_path / "feeds.txt"
    file.write_text(f"# mine\n\n{server.url('/a')}\n", "utf-8")
    for source, stdin in ((str(file), ""), ("-", f"{server.url('/a')}\n")):
        result = await check("--json", "--allow-private", "--from", source, stdin=stdin)
        assert result.exit_code == 0
        assert len(found(result)) == 1


async def test_people_get_words(server: FeedServer) -> None:
    """What a feed holds, and what is wrong with it."""
    server.answers["/a"] = Answer(rss(*(item(f"i{number}", "Title") for number in range(7))))
    result = await check("--allow-private", server.url("/a"), server.url("/b"))
    assert "Example News  (rss20, 7 entries)" in result.stdout
    assert "and 2 more" in result.stdout
    assert "answered 404" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--from", "/nowhere/at/all"], ["--wrong"]])
async def test_wrong_use_ends_with_2(arguments: list[str]) -> None:
    """And says what is wrong on standard error."""
    result = await check(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


async def test_hundreds_at_once_are_read_in_order(server: FeedServer) -> None:
    """None is lost, and none waits for all."""
    urls = []
    for number in range(200):
        server.answers[f"/{number}"] = Answer(rss(item(f"{number}")))
        urls.append(server.url(f"/{number}"))
    result = await check("--json", "--allow-private", *urls)
    assert [one["entries"][0]["id"] for one in found(result)] == [str(number) for number in range(200)]
