"""Write the start-up cache that `aot` uses: run Kafka once, with a little traffic, and let Java note what it loaded.

`python -m services.launcher.kafka.aot_training` does nothing where the cache stands, and takes some 12 s otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

from services.launcher.kafka import aot
from services.launcher.kafka.server import KafkaServer

WRITING_LIMIT_S = 120.0


async def exercise(server: KafkaServer) -> None:
    """Send, read and commit a few records, so that the classes behind them are in the cache too."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    login: dict[str, Any] = {
        "bootstrap_servers": server.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": server.username,
        "sasl_plain_password": server.password,
    }
    admin = AIOKafkaAdminClient(**login)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("training", 2, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(**login, acks="all", enable_idempotence=True, compression_type="gzip") as producer:
        for number in range(20):
            await producer.send_and_wait("training", b"%d" % number)
    consumer = AIOKafkaConsumer("training", **login, group_id="training", auto_offset_reset="earliest")
    async with consumer:
        seen = 0
        while seen < 20:
            seen += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
        await consumer.commit()


async def train(cache: Path) -> None:
    """Write the cache: whole, or not at all."""
    with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".training-") as folder:
        written = Path(folder) / "kafka.aot"
        server = KafkaServer(Path(folder) / "data", password=secrets.token_hex(16), train=written)
        await server.start()
        try:
            await exercise(server)
        finally:
            await server.stop(patience=WRITING_LIMIT_S)
        os.replace(written, cache)
    for old in cache.parent.glob("kafka-*.aot"):
        if old != cache:
            old.unlink()


def main() -> int:
    """Train if need be; a failure costs only time at later starts, so it is told and forgiven."""
    cache = aot.cache_path()
    if cache.exists():
        return 0
    logging.disable()  # what clients warn of here is nobody's concern
    print("preparing Kafka for a quicker start …", file=sys.stderr)
    try:
        asyncio.run(train(cache))
    except Exception as error:
        print(f"not prepared, Kafka will start a second later than it could: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
