"""How every part reaches Kafka: one place for security, producers and honest errors."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.errors import ConfigError, Transient
from shared.odd_headers import tolerant_here
from shared.settings import Settings

NO_BOOTSTRAP = "no Kafka to talk to: set CODEGREY_KAFKA_BOOTSTRAP (host:port), or start everything with `codegrey up`"


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """Build the TLS context, or None where the protocol has no TLS."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    try:
        cafile = str(settings.kafka_ca_file) if settings.kafka_ca_file else None
        return ssl.create_default_context(cafile=cafile)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"CODEGREY_KAFKA_CA_FILE {settings.kafka_ca_file}: {error}") from error


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options that every aiokafka client takes."""
    if not settings.kafka_bootstrap:
        raise ConfigError(NO_BOOTSTRAP)
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap.split(",")],
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return options


def faststream_security(settings: Settings) -> BaseSecurity | None:
    """Translate the settings for FastStream's broker."""
    context = ssl_context(settings)
    if not settings.kafka_security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=True) if context else None
    kind = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}[
        settings.kafka_sasl_mechanism
    ]
    return kind(
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ssl_context=context,
        use_ssl=context is not None,
    )


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what aiokafka logs: the true reason of a refused login stands only there."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    logger, ear = logging.getLogger("aiokafka"), Ear(logging.WARNING)
    logger.addHandler(ear)
    try:
        yield heard
    finally:
        logger.removeHandler(ear)


def explain_refusal(settings: Settings, error: BaseException, heard: list[str]) -> ConfigError | Transient:
    """Say in plain words why Kafka could not be reached, and whether waiting can help."""
    servers, text = settings.kafka_bootstrap, " ".join([*heard, str(error)])
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return ConfigError(
            f"Kafka at {servers} shows a certificate of an unknown authority: "
            "set CODEGREY_KAFKA_CA_FILE to the authority's certificate (PEM)"
        )
    if "uthentication" in text or "SASL" in text.upper().replace("SASL_PLAINTEXT", ""):
        return ConfigError(
            f"Kafka at {servers} refused the login of user {settings.kafka_username!r}: "
            "check CODEGREY_KAFKA_USERNAME, CODEGREY_KAFKA_PASSWORD and CODEGREY_KAFKA_SASL_MECHANISM"
        )
    return Transient(f"Kafka at {servers} does not answer ({type(error).__name__}: {error})")


async def _start(settings: Settings, client: Any, close: Callable[[], Awaitable[None]]) -> None:
    with _overheard() as heard:
        try:
            await client.start()
        except (KafkaError, OSError) as error:
            await close()
            raise explain_refusal(settings, error, heard) from error


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client; raises ConfigError or Transient with the reason."""
    client = AIOKafkaAdminClient(**client_options(settings))
    await _start(settings, client, client.close)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Open an idempotent producer: acknowledged means written, and written once."""
    client = AIOKafkaProducer(
        **client_options(settings),
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_batch_size=262_144,
        max_request_size=4 * 1024 * 1024,
        compression_type="zstd",
    )
    await _start(settings, client, client.stop)
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def reader(settings: Settings, *topics: str, wait_ms: int = 500) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer without a group that reads every partition of `topics` from its start; commits nothing.

    While a fetch waits for news at the broker (`wait_ms` at most), questions on the same connection wait, too:
    who asks for offsets rather than for messages keeps it short.
    """
    # Read from the start by reset, not by seeking: a seek races with the first reset, and may lose.
    client = AIOKafkaConsumer(
        *topics,
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=wait_ms,
    )
    with tolerant_here():  # one odd record must not keep anybody from all the others
        await _start(settings, client, client.stop)
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def offset_reader(settings: Settings, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that asks for the offsets of `topics` and fetches no message."""
    async with reader(settings, *topics, wait_ms=5) as client:
        client.pause(*client.assignment())
        yield client


async def wait_for_kafka(settings: Settings, say: Callable[[str], None], *, longest: float = 5.0) -> None:
    """Return when Kafka answers; a wrong login or certificate is said at once and never waited out."""
    pause = 0.2
    while True:
        try:
            async with admin(settings):
                return
        except Transient as error:
            say(str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
