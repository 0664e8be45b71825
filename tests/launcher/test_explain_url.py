"""`codegrey explain URL`: a page fetched as ingest does it, its article judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from services.classifier import save_case
from services.launcher.cli import main
from services.launcher.diagnose.page import headline

PAGE = """<!doctype html><html lang="en"><head><title>Wrong title</title>
<meta content="Cyberattack shuts emergency room at Mill Hospital &ndash; doctors" property="og:title">
<meta property="article:published_time" content="2026-03-04T10:00:00+01:00"></head><body><nav>Home</nav><article>
<h1>Cyberattack</h1><p>Mill Hospital in Dunmore confirmed on Tuesday that it was hit by a cyberattack. Its emergency
room is closed and ambulances are diverted to other towns.</p><p>Staff work with pen and paper, the director said, and
asked everyone to stay away unless it is urgent. Nobody knows how long it will take.</p></article></body></html>"""


@contextmanager
def _site(pages: dict[str, tuple[int, str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Serve pages (status, type, text) by path from a thread, since the command has an event loop of its own."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, kind, text = pages.get(self.path, (404, "text/plain", ""))
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", "--no-vectors", *arguments])


def test_a_page_is_fetched_and_its_article_judged() -> None:
    """Title and date from the head, the text without the furniture; robots.txt is asked first."""
    with _site({"/a": (200, "text/html", PAGE)}) as (site, asked):
        result = _explain(f"{site}/a", "--allow-private", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["incident"], told["level"], told["id"]) == (True, 4, f"{site}/a")
    assert told["victims"][0]["name"] == "Mill Hospital"
    assert "Home" not in json.dumps(told)
    assert asked == ["/robots.txt", "/a"]


def test_what_robots_txt_forbids_is_not_fetched() -> None:
    """Said in a sentence, status 1."""
    rules = "User-agent: *\nDisallow: /\n"
    with _site({"/robots.txt": (200, "text/plain", rules), "/a": (200, "text/html", PAGE)}) as (site, asked):
        result = _explain(f"{site}/a", "--allow-private")
    assert (result.exit_code, asked) == (1, ["/robots.txt"])
    assert "robots.txt forbids it" in result.stderr


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, "text/html", "gone"), "answered 404"),
        ((200, "application/pdf", "%PDF"), "not to a page"),
        ((200, "text/html", "<html><body>short</body></html>"), "no article"),
    ],
)
def test_a_page_without_an_article_is_told_in_a_sentence(answer: tuple[int, str, str], says: str) -> None:
    """Status 1, nothing on standard output."""
    with _site({"/a": answer}) as (site, _):
        result = _explain(f"{site}/a", "--allow-private", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


def test_private_addresses_are_refused_unless_allowed() -> None:
    """As everywhere."""
    with _site({"/a": (200, "text/html", PAGE)}) as (site, asked):
        result = _explain(f"{site}/a")
    assert (result.exit_code, asked) == (1, [])
    assert "refused" in result.stderr


def test_a_case_is_drafted_from_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draft asks to be reworded; a second one is refused."""
    monkeypatch.setattr(save_case, "CASES", tmp_path)
    with _site({"/a": (200, "text/html", PAGE)}) as (site, _):
        first = _explain(f"{site}/a", "--allow-private", "--save-case")
        second = _explain(f"{site}/a", "--allow-private", "--save-case")
    assert (first.exit_code, second.exit_code) == (0, 1)
    (drafted,) = tmp_path.glob("*.toml")
    assert "REWORD" in drafted.read_text("utf-8")
    assert "already" in second.stderr


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        (b"<title>A &amp; B</title>", "text/html", "A & B"),
        ("<title>Hôpital</title>".encode("latin-1"), "text/html; charset=latin-1", "Hôpital"),
        ('<meta charset="shift_jis"><title>病院</title>'.encode("shift_jis"), "text/html", "病院"),
        ("<title>Klinik für</title>".encode("cp1252"), "text/html", "Klinik für"),
        (b"<title>x</title>", "text/html; charset=nonsense", "x"),
        (b"\xff\xfe\x00<title", "text/html", ""),
        (b"<meta " * 200_000, "text/html", ""),
    ],
)
def test_a_headline_is_read_from_any_bytes(body: bytes, kind: str, title: str) -> None:
    """In whatever charset it was written."""
    assert headline(body, kind)[0] == title


def test_a_date_is_read_in_utc() -> None:
    """As the page's head tells it."""
    assert headline(PAGE.encode(), "text/html")[1] == datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
