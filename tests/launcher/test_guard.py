"""Children end with their owner, and nothing that is not proven ours is ever signalled."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from services.launcher.processes.children import ProcessTable, Record
from services.launcher.processes.guard import Ward, birth, end
from services.launcher.processes.steps import end_leftovers
from tests.launcher.stand_ins import ROOT, running
from tests.waiting import wait_until

OWNER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from services.launcher.processes.guard import shared_guard
from services.launcher.processes.children import Child, ProcessTable
stubborn = "trap '' TERM INT; : > trapped; while :; do sleep 0.1; done"
data = Path(sys.argv[1])
for name, script in (("meek", "exec sleep 60"), ("stubborn", stubborn)):
    child = Child.start(name, ["/bin/sh", "-c", script], table=ProcessTable(data), env={"PATH": os.defpath},
                        output=subprocess.DEVNULL, cwd=data, patience=0.5)
    print(child.pid)
while not (data / "trapped").exists():  # before that, a signal ends it like any other
    time.sleep(0.01)
print(shared_guard().pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    """Give an innocent process."""
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield process  # type: ignore[misc]
    process.kill()
    process.wait()


def owner_with_children(data: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start an owner of two children and a guard; return it and those three."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert owner.stdout is not None
    return owner, [psutil.Process(int(owner.stdout.readline())) for _ in range(3)]


async def test_the_guard_ends_meek_and_stubborn_children_of_a_killed_owner(tmp_path: Path) -> None:
    """The guard asks first and kills after the patience; then it ends too."""
    owner, children = owner_with_children(tmp_path)
    assert len(running(children)) == 3
    owner.kill()
    owner.wait()
    await wait_until(lambda: not running(children), within=5)


async def test_the_next_run_ends_a_child_that_outlived_guard_and_owner(tmp_path: Path) -> None:
    """With guard and owner killed at once the stubborn child lives on; the record leads to it."""
    owner, (_, stubborn, guard) = owner_with_children(tmp_path)
    guard.kill()
    owner.kill()
    owner.wait()
    await wait_until(lambda: not running([guard]), within=5)
    assert running([stubborn])
    table = ProcessTable(tmp_path)
    record = table.read()["stubborn"]
    end([Ward(record.pid, record.birth, int(signal.SIGTERM), 0.1)])
    await wait_until(lambda: not running([stubborn]), within=5)


def test_a_record_whose_number_belongs_to_another_process_by_now_harms_nobody(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    """Number and birth must both fit; a record that fits nobody is dropped."""
    table = ProcessTable(tmp_path)
    table.put(Record("kafka", sleeper.pid, "an earlier birth", sleeper.pid))
    assert end_leftovers(table) == []
    assert sleeper.poll() is None
    assert table.read() == {}


def test_a_birth_tells_processes_apart_and_ends_with_them(sleeper: subprocess.Popen[bytes]) -> None:
    """Two processes differ, one stays the same, a dead one has none."""
    born = birth(sleeper.pid)
    assert born
    assert born == birth(sleeper.pid)
    assert birth(1) != born
    sleeper.kill()
    sleeper.wait()
    assert birth(sleeper.pid) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kafka": 7}', '{"kafka": {"pid": 1}}'])
def test_a_table_that_cannot_be_read_counts_as_empty(tmp_path: Path, text: str) -> None:
    """A half-written or foreign file stops no start."""
    table = ProcessTable(tmp_path)
    table.path.parent.mkdir()
    table.path.write_text(text)
    assert table.read() == {}
