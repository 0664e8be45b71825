"""`codegrey preview` on real feeds over HTTP: what it finds, who would be told, what it says of feeds that fail.

The marked ones start the whole judge, which takes seconds: they run with the slow tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.launcher.preview.road import follow, merge_reports
from services.notifier.config import Subscriptions
from services.notifier.route import Pace, Tell
from tests.ingest.feed_server import Answer, FeedServer, feed_server, item, rss
from tests.launcher.stand_ins import ROOT
from tests.tracker.reports import Signal, report

VALMONT = "Valmont General Hospital"
TITLE = f"Cyberattack closes emergency department of {VALMONT}"
TEXT = (
    f"{VALMONT} in the United Kingdom closed its emergency department on Saturday night after a ransomware attack on "
    "its computers, its directorate said. Ambulances are diverted to neighbouring hospitals, surgery has been "
    "cancelled until further notice, and staff write on paper."
)
SUBSCRIPTIONS = """
channels: {mail: {kind: email, to: a@b.example}}
subscriptions:
  - {name: duty, channels: [mail], minimum_level: 3}
  - {name: france, channels: [mail], countries: [FR]}
"""
CONFIG = Subscriptions.model_validate(
    {
        "channels": {"mail": {"kind": "email", "to": "a@b.example"}},
        "subscriptions": [{"name": "duty", "channels": ["mail"], "minimum_level": 3, "hourly_limit": 1}],
    }
)


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    """Serve five feeds: two of one story, one of other news, one that is broken, one that is gone."""
    now = datetime.now(UTC)
    day, old = now - timedelta(days=1), now - timedelta(days=20)
    async with feed_server() as serving:
        serving.answers = {
            "/agency": Answer(
                rss(
                    item("1", TITLE, TEXT, link="https://agency.example/1", date=day),
                    item("2", TITLE.replace("Valmont", "Oldham"), TEXT.replace("Valmont", "Oldham"), date=old),
                )
            ),
            "/paper": Answer(rss(item("9", "Hackers paralyse hospital", TEXT, date=day + timedelta(hours=1)))),
            "/news": Answer(rss(item("5", "The harbour festival begins on Sunday", "Music and fireworks.", date=day))),
            "/page": Answer(b"<html><body>no feed</body></html>"),
        }
        yield serving


async def preview(tmp_path: Path, server: FeedServer, *options: str, paths: str = "agency paper news page gone") -> Any:
    """Run the command in a process of its own; return its status, output and errors."""
    lines = "".join(f"  - {{url: '{server.url('/' + path)}', allow_private: true}}\n" for path in paths.split())
    (tmp_path / "feeds.yaml").write_text(f"feeds:\n{lines}", "utf-8")
    (tmp_path / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.launcher.cli", "preview", *options),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CODEGREY_CONFIG": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.servers
async def test_it_shows_the_incidents_and_who_would_be_told(tmp_path: Path, server: FeedServer) -> None:
    """One incident of two reports that are one story; what is old is left out; what failed is named; nothing stays."""
    status, output, errors = await preview(tmp_path, server, "--json")
    found = json.loads(output)
    assert status == 0, errors
    assert (found["feeds"], found["feeds_read"], found["entries"]) == (5, 3, 3)
    assert {one["url"].rsplit("/", 1)[1] for one in found["failed"]} == {"page", "gone"}
    assert "answered 404" in errors
    [incident] = found["incidents"]
    assert incident["level"] == 4
    assert incident["facts"]["victims"][0]["name"] == VALMONT
    assert (len(incident["sources"]), incident["independent_sources"]) == (2, 1)
    assert [(one["subscription"], one["tell"], one["pace"]) for one in incident["told"]] == [("duty", "opening", "now")]
    assert "not in FR" in next(one["reason"] for one in incident["not_told"] if one["subscription"] == "france")
    assert {path.name for path in tmp_path.iterdir()} == {"feeds.yaml", "subscriptions.yaml"}


@pytest.mark.servers
async def test_a_person_reads_it_in_words_and_days_and_file_are_theirs_to_choose(
    tmp_path: Path, server: FeedServer
) -> None:
    """Within thirty days there are two incidents; another file replaces the configured feeds."""
    status, output, errors = await preview(tmp_path, server, "--days", "30", paths="agency")
    assert (status, errors) == (0, "")
    assert output.count("duty: alert at once") == 2
    assert "2 incidents in 2 entries of the last 30 days from 1 feeds" in output
    (tmp_path / "mine.yaml").write_text(f"feeds: [{{url: '{server.url('/news')}', allow_private: true}}]", "utf-8")
    status, output, _ = await preview(tmp_path, server, "--feeds", str(tmp_path / "mine.yaml"))
    assert status == 0
    assert "0 incidents in 1 entries" in output


async def test_where_no_feed_can_be_read_it_fails(tmp_path: Path, server: FeedServer) -> None:
    """An empty answer would look like good news."""
    status, output, errors = await preview(tmp_path, server, paths="page gone")
    assert status == 1
    assert "2 of 2 feeds could not be read" in errors
    assert "0 incidents" in output


def test_versions_are_told_as_if_the_system_had_been_running() -> None:
    """An opening, then an update where the level rises; past the hourly limit the second incident is folded."""
    reports = [
        report(VALMONT, Signal.PAPER_MODE, host="a.example"),
        report(VALMONT, Signal.EMERGENCY_CLOSED, host="b.example", day=0.1),
        report("Centre hospitalier de Brumeville", Signal.PAPER_MODE, host="c.example", day=0.11),
    ]
    graver, other = follow(reports[::-1], CONFIG)
    assert [(one.tell, one.pace) for one in graver.tellings] == [(Tell.OPENING, Pace.NOW), (Tell.UPDATE, Pace.NOW)]
    assert [(one.tell, one.pace) for one in other.tellings] == [(Tell.OPENING, Pace.FOLDED)]
    assert not any(alert.silent for alert in merge_reports(reports)[1])
