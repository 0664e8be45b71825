"""The private Kafka: who gets in, which ports it takes, and what it keeps through a kill -9."""

from __future__ import annotations

import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from cryptography.hazmat.primitives import serialization

from services.launcher.kafka.server import KafkaServer

pytestmark = pytest.mark.servers
PASSWORD = "a-password-of-this-test"


@pytest.fixture
def data() -> Iterator[Path]:
    """Give an empty data folder."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-kafka-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def login(address: str, password: str = PASSWORD, context: ssl.SSLContext | None = None) -> dict[str, Any]:
    """Return aiokafka's options."""
    return {
        "bootstrap_servers": address,
        "security_protocol": "SASL_SSL" if context else "SASL_PLAINTEXT",
        "ssl_context": context,
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "codegrey",
        "sasl_plain_password": password,
    }


def key_and_chain(certificate: trustme.LeafCert) -> bytes:
    """Return the PEM that Kafka reads: the key as PKCS#8, then the chain."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pkcs8 + b"".join(pem.bytes() for pem in certificate.cert_chain_pems)


async def test_it_keeps_port_and_messages_through_kill9_and_steps_around_a_taken_port(data: Path) -> None:
    """A message that was acknowledged is there after a kill -9, at the same address; a taken port is left alone."""
    server = KafkaServer(data, password=PASSWORD)
    await server.start()
    address = server.bootstrap
    try:
        admin = AIOKafkaAdminClient(**login(address))
        await admin.start()
        await admin.create_topics([NewTopic("kept", 1, 1)])
        await admin.close()
        async with AIOKafkaProducer(**login(address), acks="all") as producer:
            await producer.send_and_wait("kept", b"acknowledged")
        server.kill9()
        await server.start()
        assert server.bootstrap == address
        await server.stop()

        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", int(address.rpartition(":")[2])))
            taken.listen()
            await server.start()
            assert server.bootstrap != address
            async with AIOKafkaConsumer("kept", **login(server.bootstrap), auto_offset_reset="earliest") as consumer:
                assert (await consumer.getone()).value == b"acknowledged"
    finally:
        await server.stop()


async def test_every_listener_asks_for_the_password_and_tls_for_the_right_authority(data: Path) -> None:
    """No listener, the controller's and the broker's own included, serves a stranger; nor does TLS an unknown one."""
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = data / "certificate.pem"
    certificate.write_bytes(key_and_chain(authority.issue_cert("127.0.0.1")))
    server = KafkaServer(data, password=PASSWORD, certificate=certificate)
    await server.start()
    try:
        knows, knows_not = ssl.create_default_context(), ssl.create_default_context()
        authority.configure_trust(knows)
        stranger.configure_trust(knows_not)
        async with AIOKafkaProducer(**login(server.bootstrap, context=knows)) as producer:
            assert producer.client.cluster.brokers()
        for wrong in (login(server.bootstrap, "wrong", knows), login(server.bootstrap, PASSWORD, knows_not)):
            await refused(wrong)
        listeners = next(
            line
            for line in (data / "kafka" / "server.properties").read_text().splitlines()
            if line.startswith("listeners=")
        )
        inner = [
            one.partition("//")[2] for one in listeners.partition("=")[2].split(",") if not one.startswith("CLIENT")
        ]
        assert len(inner) == 2
        for address in inner:
            await refused(login(address, "wrong"))
            await refused({"bootstrap_servers": address})
    finally:
        await server.stop()


async def refused(options: dict[str, Any]) -> None:
    """Expect that no client gets in with these options."""
    producer = AIOKafkaProducer(**options, request_timeout_ms=2000)
    with pytest.raises(KafkaError):
        await producer.start()
    await producer.stop()


def test_a_password_that_would_change_the_configuration_is_refused(data: Path) -> None:
    """A quote in a password would end the login line, and what follows would be obeyed."""
    from services.launcher.kafka.config import plain_login

    with pytest.raises(ValueError, match="may not hold"):
        plain_login("codegrey", 'x" user_eve="y')
