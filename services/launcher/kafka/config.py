"""Kafka's configuration for a private single node: what goes into `server.properties`, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LISTENERS = ("CLIENT", "BROKER", "CONTROLLER")
TEN_YEARS_IN_MINUTES = 10 * 365 * 24 * 60


def plain_login(username: str, password: str) -> str:
    """Return the login line of a listener: whom it lets in, and as whom it connects to another."""
    for value in (username, password):
        if not value or not value.isascii() or not value.isprintable() or set(value) & set('"\\; '):
            raise ValueError("Kafka's user name and password may not hold quotes, backslashes, semicolons or spaces")
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return f'{module} required username="{username}" password="{password}" user_{username}="{password}";'


def server_properties(
    storage: Path, ports: Mapping[str, int], username: str, password: str, *, certificate: Path | None = None
) -> dict[str, str]:
    """Return the broker's settings.

    The voters are named in the file instead of in the storage (`--standalone`), so that the controller's port may
    change. The broker talks to itself on a listener of its own, so that TLS towards clients needs no trust store.
    """
    login = plain_login(username, password)
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "BROKER",
        "listeners": ",".join(f"{name}://127.0.0.1:{ports[name]}" for name in LISTENERS),
        "advertised.listeners": ",".join(f"{name}://127.0.0.1:{ports[name]}" for name in ("CLIENT", "BROKER")),
        "listener.security.protocol.map": ",".join(
            f"{name}:{'SASL_SSL' if certificate and name == 'CLIENT' else 'SASL_PLAINTEXT'}" for name in LISTENERS
        ),
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        **{f"listener.name.{name.lower()}.plain.sasl.jaas.config": login for name in LISTENERS},
        "log.dirs": str(storage),
        # No replica: a message is on the disk before it is acknowledged.
        "log.flush.interval.messages": "1",
        "message.max.bytes": "1100000",
        "socket.request.max.bytes": "33554432",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "offsets.retention.minutes": str(TEN_YEARS_IN_MINUTES),  # a long stop must not forget where we were
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # After a kill -9 the broker waits until its former self has expired.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        # One machine, few clients: fewer threads and buffers than a broker of its own would have.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": "33554432",
    }
    if certificate:
        properties |= {
            "listener.name.client.ssl.keystore.type": "PEM",
            "listener.name.client.ssl.keystore.location": str(certificate),
        }
    return properties


def log_properties(log: Path) -> str:
    """Return log4j's settings: a file that rotates, and the one line on the output that says it is up."""
    return f"""\
status = error
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %p %c{{1}} - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
appender.up.type = Console
appender.up.name = up
appender.up.target = SYSTEM_OUT
appender.up.layout.type = PatternLayout
appender.up.layout.pattern = %m%n
logger.up.name = kafka.server.KafkaRaftServer
logger.up.level = info
logger.up.appenderRef.up.ref = up
"""
