"""`codegrey up` as a process: what it starts, keeps, refuses, drains, and leaves behind when it is killed."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.launcher.up import stop_running
from tests.launcher.stand_ins import Up, clear, kill_what_a_failed_test_left, python_for_everybody, running
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
def data() -> Iterator[Path]:
    """Give a data folder's path, and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="codegrey-up-"))
    yield folder / "data"
    kill_what_a_failed_test_left()
    clear(folder)


def kafka_login(up: Up) -> dict[str, str]:
    """Return aiokafka's options for a running private Kafka."""
    told = up.endpoints()
    return {
        "bootstrap_servers": told["CODEGREY_KAFKA_BOOTSTRAP"],
        "security_protocol": told["CODEGREY_KAFKA_SECURITY_PROTOCOL"],
        "sasl_mechanism": told["CODEGREY_KAFKA_SASL_MECHANISM"],
        "sasl_plain_username": told["CODEGREY_KAFKA_USERNAME"],
        "sasl_plain_password": told["CODEGREY_KAFKA_PASSWORD"],
    }


async def database(up: Up) -> asyncpg.Connection:
    """Connect to a running private PostgreSQL."""
    return await asyncpg.connect(up.endpoints()["CODEGREY_DATABASE_URL"].replace("+asyncpg", ""))


async def write(up: Up) -> None:
    """Put a row and a message where a later start must find them."""
    connection = await database(up)
    await connection.execute("create table kept (word text)")
    await connection.execute("insert into kept values ('row')")
    await connection.close()
    admin = AIOKafkaAdminClient(**kafka_login(up))
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(**kafka_login(up), acks="all") as producer:
        await producer.send_and_wait("kept", b"message")


async def read(up: Up) -> tuple[str, bytes]:
    """Return the row and the message."""
    connection = await database(up)
    row = await connection.fetchval("select word from kept")
    await connection.close()
    async with AIOKafkaConsumer("kept", **kafka_login(up), auto_offset_reset="earliest") as consumer:
        message = await consumer.getone()
    return row, message.value


async def gone(processes: list[psutil.Process], within: float) -> None:
    """Wait until none of them runs."""
    await wait_until(lambda: not running(processes), within=within, what=str(running(processes)))


async def test_it_starts_restarts_what_dies_refuses_a_second_one_and_drains_in_order(data: Path) -> None:
    """One life: start, a second `up`, a service and Kafka killed, the disk full and free again, `down`."""
    up = Up(data)
    await up.runs()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "run" / "endpoints.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "secrets" / "kafka-password").stat().st_mode) == 0o600
    assert "first       serving (kafka: 127.0.0.1:" in up.said(), "a service's line for people is shown"

    second = Up(data)
    assert await second.ends() == 1
    assert f"runs on {data} already (process {up.process.pid})" in second.said()

    before = up.recorded()
    os.kill(before["first"], signal.SIGKILL)
    os.kill(before["kafka"], signal.SIGKILL)
    await up.says("first       was killed by signal 9; starting it again in 1 s")
    await up.says("first       started again")
    await up.says("Kafka       started again")
    after = up.recorded()
    assert after["first"] != before["first"]
    assert after["second"] == before["second"], "what had not died was left alone"

    free = data.with_name("data.free")
    free.write_text("900000000")
    await up.says("only 900 MB free on the disk")
    assert (data / "run" / "low-disk").exists()
    free.write_text("1300000000")
    await up.says("1.3 GB free again")
    assert not (data / "run" / "low-disk").exists()

    processes = up.children()
    status = stop_running(data)
    assert status == "stopped"
    assert await up.ends() == 0
    assert not running(processes)
    said = up.said()
    order = [said.index(f"{name} has stopped") for name in ("second", "first", "Kafka", "PostgreSQL")]
    assert order == sorted(order)
    assert "first       drained" in said
    assert not (data / "run" / "endpoints.json").exists()
    assert stop_running(data) == "nothing runs here"


def guards(up: Up) -> list[psutil.Process]:
    """Return the guard as long as it runs."""
    return [one for one in running(up.children()) if "guard.py" in " ".join(one.cmdline())]


async def test_nothing_is_left_of_a_killed_supervisor_and_the_next_start_has_all_data(data: Path) -> None:
    """Kill -9 of the guard, of the supervisor, then of everything at once: no orphan, no loss."""
    up = Up(data)
    await up.runs()
    await write(up)
    first = guards(up)[0]
    first.kill()
    await wait_until(lambda: any(one.pid != first.pid for one in guards(up)), within=5, what="a new guard")
    for kill in ("supervisor", "everything"):
        processes = up.children()
        assert len(processes) > 6
        up.process.kill()
        for one in processes if kill == "everything" else []:
            with contextlib.suppress(psutil.NoSuchProcess):  # the guard may have been quicker
                one.kill()
        await up.ends()
        await gone(processes, within=10)
        up = Up(data)
        await up.runs()
        assert await read(up) == ("row", b"message")
    assert await up.stop() == 0


async def test_a_start_ends_what_neither_guard_nor_kernel_ended(data: Path) -> None:
    """Processes that survived everything are known by pid and birth, and ended; others are left alone."""
    up = Up(data)
    await up.runs()
    orphans = {name: psutil.Process(pid) for name, pid in up.recorded().items()}
    # Stopped processes neither see their pipe close nor act on a signal until they are continued.
    guard = guards(up)[0]
    for one in orphans.values():
        one.suspend()
    guard.kill()
    up.process.kill()
    await up.ends()
    assert set(running(list(orphans.values()))) == set(orphans.values())

    again = Up(data)
    await again.says("ended what an earlier run had left")
    await again.runs()
    assert not running(list(orphans.values()))
    assert await again.stop() == 0


async def test_a_wrong_configuration_ends_the_start_with_the_services_words(data: Path) -> None:
    """A service that ends with status 2 at the start needs a person, not another try."""
    up = Up(data, "wrong-configuration")
    assert await up.ends() == 1
    assert "feeds.yaml, line 3: no such key" in up.said()
    assert "PostgreSQL has stopped" in up.said()


async def test_an_unprivileged_user_starts_it_all_and_may_hurry_its_end(data: Path) -> None:
    """Where the suite runs as root, the same start is done by a user who owns nothing but a data folder.

    The services here do not drain: a second Ctrl-C kills them, and the servers still stop in good order.
    """
    account = python = environment = None
    folder = data.parent
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        folder.chmod(0o755)
        python = python_for_everybody(folder)
        home = folder / "home"
        home.mkdir()
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        data = home / "data"
        account, environment = (nobody.pw_uid, nobody.pw_gid), {"PATH": os.defpath, "HOME": str(home)}
        up = Up(data, "stubborn", python=python, account=account, environment=environment)
    else:
        up = Up(data, "stubborn")
    await up.runs()
    owners = {one.uids().effective for one in up.children()}
    assert owners == {account[0] if account else os.geteuid()}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    up.process.send_signal(signal.SIGINT)
    await up.says("stopping")
    assert await up.stop() == 0
    assert "hurrying" in up.said()
    assert "PostgreSQL has stopped" in up.said()
