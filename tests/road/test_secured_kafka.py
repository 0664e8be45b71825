"""The same road on somebody's own Kafka: SASL over TLS, with an authority of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from services.launcher.kafka.server import KafkaServer
from shared.errors import ConfigError
from shared.kafka import admin
from shared.settings import Settings
from tests.chaos.attacks import make_attack, towns
from tests.road.conftest import travelling

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]

PASSWORD = "a-password-of-its-own"


@dataclass(frozen=True)
class Secured:
    """A Kafka that its operator has secured, and the authority that signed its certificate."""

    server: KafkaServer
    authority: Path

    def variables(self, **changed: str) -> dict[str, str]:
        """Return the settings that reach it."""
        right = {
            "CODEGREY_KAFKA_BOOTSTRAP": self.server.bootstrap,
            "CODEGREY_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "CODEGREY_KAFKA_SASL_MECHANISM": "PLAIN",
            "CODEGREY_KAFKA_USERNAME": "codegrey",
            "CODEGREY_KAFKA_PASSWORD": PASSWORD,
            "CODEGREY_KAFKA_CA_FILE": str(self.authority),
        }
        return {name: value for name, value in (right | changed).items() if value}


@pytest.fixture(scope="module")
async def secured() -> AsyncIterator[Secured]:
    """Start a Kafka with a SASL_SSL listener."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-tls-"))
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    (folder / "kafka.pem").write_bytes(_key_and_chain(certificate))
    server = KafkaServer(folder / "kafka", password=PASSWORD, certificate=folder / "kafka.pem")
    await server.start()
    yield Secured(server, folder / "authority.pem")
    await server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _key_and_chain(certificate: trustme.LeafCert) -> bytes:
    """Return the key as PKCS#8, the one form that Kafka reads, and the chain."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem + b"".join(part.bytes() for part in certificate.cert_chain_pems)


def _settings(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


async def test_right_credentials_pass(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority's certificate and the password open the door."""
    async with admin(_settings(secured.variables(), monkeypatch)) as client:
        assert isinstance(await client.list_topics(), list)


async def test_a_wrong_password_is_refused_and_said_plainly(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library only says "unable to bootstrap"; we say which settings to check, without the password."""
    settings = _settings(secured.variables(CODEGREY_KAFKA_PASSWORD="wrong-one"), monkeypatch)
    with pytest.raises(ConfigError, match=r"refused the login of user 'codegrey'.*CODEGREY_KAFKA_PASSWORD") as error:
        async with admin(settings):
            pass
    assert "wrong-one" not in str(error.value)


async def test_an_unknown_authority_is_refused_and_said_plainly(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the authority's file the certificate is nobody's."""
    settings = _settings(secured.variables(CODEGREY_KAFKA_CA_FILE=""), monkeypatch)
    with pytest.raises(ConfigError, match="unknown authority: set CODEGREY_KAFKA_CA_FILE"):
        async with admin(settings):
            pass


async def test_a_service_with_a_wrong_password_ends_at_once_with_the_reason(secured: Secured) -> None:
    """Waiting would not help; the exit status is that of wrong use."""
    async with travelling("codegrey-road-", **secured.variables(CODEGREY_KAFKA_PASSWORD="wrong-one")) as road:
        _, errors = await road.command("serve", "classifier", status=2)
    assert "refused the login" in errors
    assert "wrong-one" not in errors


async def test_the_road_runs_through_a_secured_kafka(secured: Secured) -> None:
    """From a feed to a mailbox, on a Kafka that we did not start."""
    async with travelling("codegrey-road-", **secured.variables()) as road:
        await road.stack.up()
        assert road.stack.pid("kafka") is None
        await road.first_contact()
        attack = make_attack(0, towns(5))
        road.feed.add(attack)
        await road.alerted(attack)
