"""A private Apache Kafka: one node (KRaft), on loopback, every listener behind a password.

    server = KafkaServer(data, password=secret)
    await server.start()          # formats the storage the first time; about 1.5 s with the start-up cache
    server.bootstrap              # "127.0.0.1:40123", the same again next time unless somebody else took the port
    await server.stop()

Everything it writes stands in `data/kafka` and `data/logs`. Each message is flushed to the disk before it is
acknowledged, since there is no replica. `certificate` (a PEM file: PKCS#8 key, then the chain) puts TLS over the
clients' listener; `extra` adds to or replaces lines of `server.properties`; `train` is for `aot_training`, `release`
formats the storage as an earlier release of Kafka would (tests). What an earlier run left behind under the same data
folder is ended first, so keep to one server for each folder.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from services.launcher.kafka import aot
from services.launcher.kafka.config import LISTENERS, log_properties, server_properties
from services.launcher.kafka.jars import classpath, read_lock
from services.launcher.ports import choose_ports
from services.launcher.processes.children import Child, ProcessTable, command_as, write_privately
from shared.errors import CodeGreyError

STARTED = b"Kafka Server started"
START_LIMIT_S = 60.0


class KafkaError(CodeGreyError):
    """Kafka ended instead of starting; the message holds its last words."""


class KafkaServer:
    """One broker on one data folder."""

    def __init__(
        self,
        data: Path,
        *,
        username: str = "codegrey",
        password: str,
        extra: Mapping[str, str] = {},
        heap: str = "384m",
        certificate: Path | None = None,
        train: Path | None = None,
        release: str | None = None,
    ) -> None:
        data = data.resolve()
        self.home = data / "kafka"
        self.logs = data / "logs"
        self.username = username
        self.password = password
        self.certificate = certificate
        self._extra = dict(extra)
        self._heap = heap
        self._train = train
        self._release = release
        self._table = ProcessTable(data)
        self._child: Child | None = None
        self._ports: dict[str, int] = {}

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._ports['CLIENT']}"

    @property
    def placed(self) -> bool:
        """Whether its ports are chosen, so that `bootstrap` is known."""
        return bool(self._ports)

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._child.pid if self._child else None

    def ended(self) -> int | None:
        """Return the exit status of a broker that ended by itself, else None."""
        return self._child.ended() if self._child else None

    async def start(self) -> None:
        """Format if need be, start, and return when clients are served."""
        classes = await asyncio.to_thread(classpath)
        self._prepare()
        await self._format(classes)
        output = self.logs / "kafka.out"
        with output.open("wb") as file:
            self._child = Child.start(
                "kafka",
                [*self._java(classes, self._train), "kafka.Kafka", str(self.home / "server.properties")],
                table=self._table,
                env=aot.ENVIRONMENT,
                output=file,
                cwd=self.home,
            )
        until = time.monotonic() + START_LIMIT_S
        while STARTED not in output.read_bytes():
            if self._child.ended() is not None or time.monotonic() > until:
                status = await self._child.stop([])
                self._child = None
                raise KafkaError(f"Kafka did not start (status {status}): {self._last_words()}")
            await asyncio.sleep(0.02)
        await self._settle_release()

    async def _settle_release(self) -> None:
        """After a newer Kafka's first start on older storage: let it write as its own version does.

        A fault leaves all as it was, and the next start tries again: older formats go on to be read and written.
        """
        ours = read_lock().kafka_version
        mark = self.home / "release"
        if mark.exists() and mark.read_text("utf-8").strip() == ours:
            return
        from pydantic import SecretStr

        from services.launcher.kafka.features import finalize
        from shared.settings import Settings

        if self.certificate is None:
            settings = Settings(
                kafka_bootstrap=self.bootstrap,
                kafka_security_protocol="SASL_PLAINTEXT",
                kafka_username=self.username,
                kafka_password=SecretStr(self.password),
            )
            with suppress(CodeGreyError):
                await finalize(settings)
                write_privately(mark, ours + "\n")

    async def stop(self, patience: float = 20.0, hurry: Callable[[], bool] = lambda: False) -> None:
        """Shut down cleanly; kill after `patience` seconds, or at once in a hurry."""
        if self._child:
            await self._child.stop([(signal.SIGTERM, patience)], hurry)
            self._child = None

    def kill9(self) -> None:
        """Kill the broker the hard way, and return when it is gone."""
        if self._child:
            self._child.send(signal.SIGKILL)
            self._child.process.wait()
            self._child.ended()
            self._child = None

    def _java(self, classes: str, train: Path | None = None) -> list[str]:
        log_config = self.home / "log4j2.properties"
        return aot.java(classes, heap=self._heap, folder=self.home, log_config=log_config, train=train)

    def _prepare(self) -> None:
        """End a leftover, choose ports, write the configuration."""
        for folder in (self.home, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._table.end_leftover("kafka")
        shutil.rmtree(self.home / "tmp", ignore_errors=True)  # native libraries that a killed broker had unpacked
        (self.home / "tmp").mkdir(mode=0o700)
        self._ports = choose_ports(self.home / "ports.json", LISTENERS)
        properties = server_properties(
            self.home / "log", self._ports, self.username, self.password, certificate=self.certificate
        )
        lines = [f"{key}={value}" for key, value in {**properties, **self._extra}.items()]
        write_privately(self.home / "server.properties", "\n".join(lines) + "\n")
        write_privately(self.home / "log4j2.properties", log_properties(self.logs / "kafka.log"))

    async def _format(self, classes: str) -> None:
        """Format the storage once; what an interrupted format left is removed first (it never held a message)."""
        done = self.home / "formatted"
        if done.exists():
            return
        shutil.rmtree(self.home / "log", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(self.home / "server.properties"),
            *([f"--release-version={self._release}"] if self._release else []),
        ]
        process = await asyncio.create_subprocess_exec(
            *command_as(None, [*self._java(classes), *tool]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=aot.ENVIRONMENT,
            cwd=self.home,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise KafkaError(f"Kafka's storage could not be formatted: {said.decode('utf-8', 'replace')[-2000:]}")
        if not self._release:
            write_privately(self.home / "release", read_lock().kafka_version + "\n")
        write_privately(done, cluster + "\n")

    def _last_words(self) -> str:
        """Return the end of what the broker said."""
        log = self.logs / "kafka.log"
        texts = [path.read_text("utf-8", "replace") for path in (log, self.logs / "kafka.out") if path.exists()]
        telling = [
            line
            for line in "\n".join(texts).splitlines()
            if (" ERROR " in line or " FATAL " in line or "Exception" in line) and not line.startswith("\t")
        ]
        return " | ".join(telling[-4:]) or f"see {log}"
