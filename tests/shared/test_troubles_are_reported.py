"""What a service finds wrong with itself reaches the notifier, and ends only when the service says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.tables import outbox
from shared.errors import Transient
from shared.kafka import reader
from shared.settings import Settings
from shared.topics import TROUBLES
from shared.trouble import MOST, SourceReport, Trouble, Unwatched, at_most
from shared.trouble_board import Board
from shared.trouble_file import read_trouble_files, write_trouble_file
from shared.trouble_outbox import refused_rows
from shared.trouble_topic import FORGOTTEN_AFTER_S, SILENT_AFTER_S, Heard

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
QUIET = Trouble("feeds:quiet", "2 feeds have gone quiet", "look", 2)
CLOCK = Trouble("clock:jump@there", "the clock jumped", "look")


def _report(source: str, *troubles: Trouble) -> bytes:
    return SourceReport(source=source, at=NOW, troubles=troubles).model_dump_json().encode()


def _heard(*reports: tuple[str, Sequence[Trouble]], at: float = 0.0) -> Heard:
    heard = Heard()
    for offset, (source, troubles) in enumerate(reports):
        heard.take(_report(source, *troubles), offset, at)
    return heard


def test_a_trouble_stands_until_its_source_no_longer_lists_it() -> None:
    """The latest report of each source counts, and touches no other source."""
    heard = _heard(("ingest:feeds", [QUIET]), ("ingest:clock@there", [CLOCK]))
    assert heard.troubles(1.0) == [CLOCK, QUIET]
    heard.take(_report("ingest:feeds"), 2, 2.0)
    assert heard.troubles(3.0) == [CLOCK]


def test_a_service_that_dies_ends_none_of_its_troubles_and_is_missed() -> None:
    """For days, if need be; when it speaks again only its silence is over."""
    heard = _heard(("ingest:feeds", [QUIET]))
    late = SILENT_AFTER_S + 1
    assert [one.key for one in heard.troubles(late)] == ["feeds:quiet", "silent:ingest"]
    assert [one.key for one in heard.troubles(late + 99 * FORGOTTEN_AFTER_S)] == ["feeds:quiet", "silent:ingest"]
    heard.take(_report("ingest:outbox"), 9, late)
    assert [one.key for one in heard.troubles(late + 1)] == ["feeds:quiet"]


def test_a_replica_that_is_gone_is_forgotten_while_its_service_speaks() -> None:
    """Its clock can no longer be mended."""
    heard = _heard(("ingest:clock@there", [CLOCK]))
    heard.take(_report("ingest:clock@here"), 1, FORGOTTEN_AFTER_S)
    assert heard.troubles(FORGOTTEN_AFTER_S) == [CLOCK]
    assert heard.unwatched(FORGOTTEN_AFTER_S) == frozenset()
    assert heard.troubles(FORGOTTEN_AFTER_S + 1) == []
    assert heard.unwatched(FORGOTTEN_AFTER_S + 1) == {CLOCK.key}


def test_a_notifier_that_starts_anew_does_not_end_a_silence() -> None:
    """What it reads at first may be of yesterday."""
    heard = _heard(("ingest:feeds", []))
    assert [one.key for one in heard.troubles(1.0, {"silent:ingest"})] == ["silent:ingest"]
    assert heard.troubles(1.0) == []


def test_rubbish_and_what_was_read_before_change_nothing() -> None:
    """A reader that connects again reads from the start."""
    heard = _heard(("ingest:feeds", [QUIET]), ("ingest:feeds", []))
    for offset, value in enumerate((_report("ingest:feeds", QUIET), b"rubbish", None)):
        heard.take(value, offset, 5.0)
    assert heard.troubles(6.0) == []


def test_a_report_is_bounded_and_says_what_it_leaves_out() -> None:
    """A message has a limit."""
    many = [Trouble(f"k{number}", "t", "a") for number in range(MOST + 7)]
    kept = at_most(many)
    assert len(kept) == MOST + 1
    assert kept[-1].title == "7 more troubles are not listed"


def test_what_is_no_service_leaves_a_file(tmp_path: Path) -> None:
    """It stands until its writer takes it back; a broken one is none."""
    write_trouble_file(tmp_path, "backup", [QUIET])
    write_trouble_file(tmp_path, "supervisor", [CLOCK])
    assert sorted(one.key for one in read_trouble_files(tmp_path)) == [CLOCK.key, QUIET.key]
    write_trouble_file(tmp_path, "supervisor", [])
    assert read_trouble_files(tmp_path) == [QUIET]
    (tmp_path / "run" / "troubles" / "broken.json").write_text("{")
    assert read_trouble_files(tmp_path) == [QUIET]


@pytest.mark.servers
async def test_a_board_reports_what_changes_and_a_look_that_fails_takes_nothing_back(
    topics: Settings, producer: AIOKafkaProducer
) -> None:
    """Over a real Kafka: found, then failing, then over."""
    wrong: list[Trouble | Unwatched] | Exception = [QUIET]

    async def look() -> Sequence[Trouble | Unwatched]:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    board, heard = Board("ingest", producer, "here"), Heard()
    board.watch("feeds", look, every_s=0.0)
    board.figures("feeds", lambda: asyncio.sleep(0, {"feeds_alive": 3}), every_s=0.0)
    async with reader(topics, TROUBLES, wait_ms=20) as consumer:

        async def after_a_turn() -> list[str]:
            await board.turn()
            await heard.listen(consumer, 0.0)
            return [one.title for one in heard.troubles(0.0)]

        assert await after_a_turn() == [QUIET.title]
        assert heard.figures() == {"feeds_alive": 3}
        wrong = Transient("the database is away")
        assert await after_a_turn() == [QUIET.title]
        wrong = [Unwatched(QUIET.key)]
        assert await after_a_turn() == []
        assert heard.unwatched(0.0) == {QUIET.key}
        wrong = []
        assert await after_a_turn() == []
        assert heard.unwatched(0.0) == frozenset()
    assert board.kafka_offset_s is not None
    assert abs(board.kafka_offset_s) < 5


@pytest.mark.servers
async def test_rows_that_kafka_refused_are_a_trouble_until_they_are_dealt_with(engine: AsyncEngine) -> None:
    """Each is a message that somebody did not get."""
    assert await refused_rows(engine, outbox) == []
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO tracker.outbox (topic, key, value, headers, refused_at, error) "
                "VALUES ('codegrey.alerts', '', '', '[]', now(), 'too large')"
            )
        )
    (found,) = await refused_rows(engine, outbox)
    assert found.title == "1 message of tracker could not be published"
    assert "codegrey.alerts: too large" in found.advice
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE tracker.outbox SET refused_at = NULL"))
    assert await refused_rows(engine, outbox) == []
