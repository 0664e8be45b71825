"""From one version of Kafka to the next: storage that an earlier release formatted is used, and then brought up."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.launcher.kafka.features import METADATA_VERSION, features, finalize
from services.launcher.kafka.server import KafkaServer
from services.launcher.topics import create_topics
from shared.kafka import admin, producer, reader
from shared.settings import Settings
from shared.topics import ALERTS

pytestmark = pytest.mark.servers


def settings_for(server: KafkaServer) -> Settings:
    """Return settings that reach the server."""
    return Settings(
        kafka_bootstrap=server.bootstrap,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_username=server.username,
        kafka_password=SecretStr(server.password),
    )


async def test_older_storage_is_brought_up_and_keeps_its_messages(tmp_path: Path) -> None:
    """Storage of Kafka 3.9: what was written stands, and the metadata's version is then the newest."""
    older = KafkaServer(tmp_path, password="secret", release="3.9")
    older._settle_release = _nothing  # type: ignore[method-assign] - the older release knew no newer version
    await older.start()
    try:
        settings = settings_for(older)
        async with admin(settings) as client:
            before = await features(client)
        assert before.in_force[METADATA_VERSION] < before.supported[METADATA_VERSION]
        await create_topics(settings)
        async with producer(settings) as sender:
            await sender.send_and_wait(ALERTS, b"kept", b"key")
    finally:
        await older.stop()

    newer = KafkaServer(tmp_path, password="secret")
    await newer.start()
    try:
        settings = settings_for(newer)
        async with admin(settings) as client:
            now = await features(client)
        assert now.in_force[METADATA_VERSION] == now.supported[METADATA_VERSION]
        async with reader(settings, ALERTS) as consumer:
            assert (await consumer.getone()).value == b"kept"
        assert await finalize(settings) is None, "once it is there, nothing is asked for"
    finally:
        await newer.stop()


async def _nothing() -> None:
    return None
