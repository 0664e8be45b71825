"""Certificates that are about to end are told of before they do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifier.certificates import LOOK_EVERY_S, Certificate, Certificates, trouble_of
from shared.settings import Settings
from tests.notifier.alert_samples import NOW, subscriptions
from tests.notifier.notifier_sinks import free_port


@pytest.mark.parametrize(
    ("left", "words", "measure"),
    [
        (timedelta(days=22), None, 0),
        (timedelta(days=20), "the certificate of Kafka ends on", 1),
        (timedelta(days=6), "the certificate of Kafka ends on", 2),
        (timedelta(hours=3), "the certificate of Kafka ends on", 3),
        (timedelta(hours=-3), "the certificate of Kafka has ended on", 4),
    ],
)
def test_it_is_told_three_weeks_before_and_again_as_it_comes_near(
    left: timedelta, words: str | None, measure: int
) -> None:
    """A measure that grows is told again."""
    found = trouble_of(Certificate("Kafka", NOW + left), NOW)
    assert bool(found) is bool(words)
    if found and words:
        assert found.title.startswith(words)
        assert found.measure == measure


def _make(folder: Path, days: float) -> Path:
    """Write a certificate of our own for loopback that ends in `days`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _context(pem: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


@contextmanager
def _mail_server(pem: Path) -> Iterator[int]:
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port(), tls_context=_context(pem))
    controller.start()
    try:
        yield int(controller.port)
    finally:
        controller.stop()


def _looking(pem: Path, **settings: object) -> Certificates:
    return Certificates(
        Settings(**settings),  # type: ignore[arg-type]
        subscriptions,
        mail_context=lambda: ssl.create_default_context(cafile=str(pem)),
    )


async def test_a_mail_server_that_turns_to_tls_is_asked(tmp_path: Path) -> None:
    """And one that goes away leaves what was known of it."""
    pem = _make(tmp_path, days=5)
    with _mail_server(pem) as port:
        looking = _looking(pem, smtp_host="127.0.0.1", smtp_port=port)
        (found,) = await looking.troubles()
    assert found.key == "certificate:the mail server 127.0.0.1"
    assert found.measure == 2
    looking.steady = lambda: 9 * LOOK_EVERY_S + 1e6
    assert await looking.troubles() == [found]


@pytest.mark.parametrize(("days", "troubles"), [(5, 1), (300, 0), (-1, 1)])
async def test_a_kafka_with_tls_is_asked(tmp_path: Path, days: float, troubles: int) -> None:
    """Also where its certificate has ended already; the handshake is all that is needed."""
    pem = _make(tmp_path, days)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=_context(pem))
    async with server:
        port = server.sockets[0].getsockname()[1]
        looking = _looking(pem, kafka_bootstrap=f"127.0.0.1:{port}", kafka_security_protocol="SSL", kafka_ca_file=pem)
        found = await looking.troubles()
    assert [one.key for one in found] == [f"certificate:Kafka at 127.0.0.1:{port}"] * troubles


async def test_nobody_is_asked_who_uses_no_tls_or_does_not_answer(tmp_path: Path) -> None:
    """A server that is away is another trouble."""
    pem = _make(tmp_path, days=5)
    assert await _looking(pem, smtp_host="127.0.0.1", smtp_port=1, smtp_security="none").troubles() == []
    assert await _looking(pem, smtp_host="127.0.0.1", smtp_port=free_port()).troubles() == []
