"""One record whose header name is no UTF-8 keeps nobody from reading a topic, whatever it is read for."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as aiokafka_producer
from aiokafka.record import default_records

from services.launcher.backup.topics import kept_records, save_records, spans
from shared.control import GroupState, read_states, set_state
from shared.dead_letters import now_utc, read_dead_letters
from shared.kafka import reader
from shared.odd_headers import tolerant
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import CONTROL, NEWS, REPORTS, TROUBLES, dead
from shared.trouble import SourceReport, Trouble
from shared.trouble_topic import Heard

pytestmark = pytest.mark.servers


class OddName(str):
    """A header name whose bytes are no UTF-8."""

    def encode(self, *_arguments: object) -> bytes:
        """Return bytes that no decoder takes."""
        return b"\xff\xfename"


async def test_what_reads_a_topic_from_its_start_reads_past_it(
    topics: Settings, producer: AIOKafkaProducer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States of groups, troubles, dead letters and a backup: the swift reader stays the consuming loop's."""
    for module in (message_accumulator, aiokafka_producer):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", default_records._DefaultRecordBatchBuilderPy)
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    odd = [(OddName("x"), b"1")]
    names = [CONTROL, TROUBLES, dead(NEWS), REPORTS]
    await publish_all(producer, [Outgoing(name, b"odd", b"{}", odd) for name in names])
    await set_state(producer, GroupState(group="codegrey-test", state="paused", since=now_utc(), reason="a test"))
    report = SourceReport(source="ingest:feeds", at=now_utc(), troubles=(Trouble("one", "a trouble", "look"),))
    await publish_all(producer, [Outgoing(TROUBLES, b"ingest:feeds", report.model_dump_json().encode())])

    assert (await read_states(topics))["codegrey-test"].state == "paused"
    heard = Heard()
    async with reader(topics, TROUBLES, wait_ms=20) as reports:
        await heard.listen(reports, 0.0)
    assert [one.key for one in heard.troubles(0.0)] == ["one"]
    assert [letter async for letter in read_dead_letters(topics)] == []
    wanted, _ = await spans(topics, {})
    assert (await save_records(topics, wanted, tmp_path / "kept"))[REPORTS] == 1
    odd_names = {one.topic: one.headers[0][0] for one in kept_records(tmp_path / "kept") if one.key == b"odd"}
    # Where the broker compresses a topic anew it has put the name right itself.
    assert odd_names == dict.fromkeys([CONTROL, dead(NEWS)], "\\xff\\xfename") | {REPORTS: "\ufffd\ufffdname"}
    assert not tolerant()
