"""Backup and restore with servers of one's own: every record, every offset, and nothing mixed."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

from services.launcher.backup.restore import restore
from services.launcher.backup.take import backup
from services.launcher.backup.topics import CARRIED, committed_offsets
from services.launcher.topics import reset_topics
from shared.database import SCHEMAS, open_engine
from shared.errors import CodeGreyError, ConfigError
from shared.kafka import client_options, producer, reader
from shared.settings import Settings
from shared.topics import ALERTS, CONTROL, NEWS, REPORTS
from tests.conftest import PASSWORD, Servers

pytestmark = pytest.mark.servers

CANARYS_REPORT = b'{"id":"1","feed":"http://canary.codegrey.invalid/feed.json","title":"canary"}'
CANARYS_ALERT = b'{"id":"2","canary":true}'
RECORDS = [
    (NEWS, 4, b"a", b'{"read": true}', []),
    (NEWS, 4, b"b", b'{"waits": true}', [("ce_id", b"1"), ("odd", b"\xff\xfe")]),
    (REPORTS, 0, b"FR", b"no JSON \xff\x00", [("ce_id", b"2")]),
    (REPORTS, 0, b"FR", b"second", []),
    (REPORTS, 0, b"FR", b"third", []),
    (REPORTS, 0, b"GB", CANARYS_REPORT, []),
    (ALERTS, 1, None, b"without a key", []),
    (ALERTS, 1, b"x", CANARYS_ALERT, []),
    (
        ALERTS,
        1,
        b"y",
        b'{"note":"a stranger writes \\"canary\\":true of http://canary.codegrey.invalid/feed.json"}',
        [],
    ),
    (f"{ALERTS}.dead", 0, b"codegrey.alerts:1:7", b"{}", []),
    (CONTROL, 0, b"codegrey-tracker", None, []),
]


def as_variables(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Name the servers in the environment, as a person with servers of their own does."""
    values = {
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "KAFKA_SECURITY_PROTOCOL": settings.kafka_security_protocol,
        "KAFKA_USERNAME": settings.kafka_username,
        "KAFKA_PASSWORD": PASSWORD,
        "DATABASE_URL": settings.database_url.get_secret_value(),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"CODEGREY_{name}", value)


async def commit(settings: Settings, group: str, topic: str, partition: int, offset: int) -> None:
    """Let a group have read up to an offset."""
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


async def everything(settings: Settings) -> set[tuple[object, ...]]:
    """Read every record that a backup carries."""
    found = set()
    async with reader(settings, *CARRIED, wait_ms=20) as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=100)).items():
                found |= {
                    (place.topic, place.partition, one.offset, one.key, one.value, tuple(one.headers))
                    for one in records
                }
    return found


async def test_every_record_comes_back_where_it_was_and_each_group_reads_on(
    servers: Servers, topics: Settings, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are no text, records without key or value, headers; news that was read and canaries stay behind."""
    as_variables(monkeypatch, settings)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "feeds.yaml").write_text("feeds: []\n")
    monkeypatch.setenv("CODEGREY_CONFIG", str(tmp_path / "config"))
    async with producer(settings) as sender:
        for topic, partition, key, value, headers in RECORDS:
            await sender.send_and_wait(topic, value, key, partition=partition, headers=headers)
    await commit(settings, "codegrey-classifier", NEWS, 4, 1)
    await commit(settings, "codegrey-tracker", REPORTS, 0, 2)
    await commit(settings, "codegrey-notifier", ALERTS, 1, 2)
    engine = open_engine(settings)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO tracker.inbox (report_id) VALUES ('known')"))
    before = await everything(settings)

    manifest = await backup(tmp_path / "file", tmp_path / "data", lambda _: None)
    assert manifest.topics[NEWS].records == 1
    assert set(manifest.schemas) == set(SCHEMAS)

    words: list[str] = []
    with pytest.raises(ConfigError, match="schema 'ingest' already"):
        await restore(tmp_path / "file", tmp_path / "new", tmp_path / "there", words.append)
    async with engine.begin() as connection:
        for schema in SCHEMAS:
            await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    with pytest.raises(CodeGreyError, match="not empty"):
        await restore(tmp_path / "file", tmp_path / "new", tmp_path / "there", words.append)
    await reset_topics(settings)
    done = await restore(tmp_path / "file", tmp_path / "new", tmp_path / "there", words.append)
    assert done.settled == []

    behind = {(NEWS, 4, b"a"), (REPORTS, 0, b"GB"), (ALERTS, 1, b"x")}
    read = {(topic, partition, key) for topic, partition, _, key, *_ in before} - behind
    after = await everything(settings)
    assert {(topic, partition, key) for topic, partition, _, key, *_ in after} == read
    assert {one[3:] for one in after} == {one[3:] for one in before if one[3] not in {b"a", b"GB", b"x"}}
    assert {one[:3] for one in after if one[0] == REPORTS} == {(REPORTS, 0, number) for number in range(3)}
    groups = await committed_offsets(settings)
    assert groups["codegrey-classifier"] == {f"{NEWS}:4": 0}
    assert groups["codegrey-tracker"] == {f"{REPORTS}:0": 2}
    assert groups["codegrey-notifier"] == {f"{ALERTS}:1": 1}, "its canary stayed behind"
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT report_id FROM tracker.inbox")) == "known"
    await engine.dispose()
    assert (tmp_path / "there" / "feeds.yaml").exists()
    assert not (tmp_path / "new" / "restoring").exists()
    assert not (tmp_path / "new" / "kafka").exists()


async def test_a_folder_without_anything_gives_no_backup(tmp_path: Path) -> None:
    """The message names the folder that was looked at."""
    with pytest.raises(ConfigError, match="nothing to back up"):
        await backup(tmp_path / "file", tmp_path / "data", lambda _: None)
    assert not (tmp_path / "file").exists()
