"""The data folder: what is refused, and that refusing changes nothing."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from services.launcher.datafolder import DataFolder, FolderInUseError, Versions, refuse_version
from services.launcher.disk import change, refuse_to_start
from services.launcher.ports import choose_ports
from services.launcher.processes.backoff import Backoff
from shared.errors import ConfigError

OURS = Versions(format=2, program="0.4.0", kafka="4.1.2", postgres="18.6.3")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, None),
        (OURS, None),
        (replace(OURS, kafka="4.0.1", program="0.3.9"), None),
        (replace(OURS, postgres="18.4"), None),
        (replace(OURS, format=3, program="1.0.0"), "newer Code Grey"),
        (replace(OURS, kafka="4.2.0"), "newer Code Grey"),
        (replace(OURS, kafka="4.10.0"), "newer Code Grey"),
        (replace(OURS, format=1, program="0.1.0"), "Use 0.1.0, or another folder"),
        (replace(OURS, postgres="17.9"), "PostgreSQL 17.9"),
    ],
)
def test_a_folder_of_another_version_is_used_or_refused_with_the_reason(
    found: Versions | None, reason: str | None
) -> None:
    """What this version can read is used; for the rest the person is told which program can."""
    said = refuse_version(found, OURS)
    assert (said is None) == (reason is None)
    if reason:
        assert reason in (said or "")


def test_a_refused_folder_is_left_as_it_was(tmp_path: Path) -> None:
    """Neither the version file nor the folder of a newer program is touched."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    newer = json.dumps({"format": 9, "program": "9.0", "kafka": "9.0", "postgres": "18.6"})
    (folder.path / "version.json").write_text(newer)
    with pytest.raises(ConfigError, match=r"newer Code Grey \(9.0"):
        folder.check_version(OURS)
    assert (folder.path / "version.json").read_text() == newer


def test_a_folder_with_somebodys_files_is_refused(tmp_path: Path) -> None:
    """`--data .` by mistake must not fill a person's folder."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty"):
        DataFolder(tmp_path).prepare()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    """The Kafka password stands in it."""
    (tmp_path / "data").mkdir(mode=0o755)
    DataFolder(tmp_path / "data").prepare()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_second_holder_is_told_the_first_ones_process(tmp_path: Path) -> None:
    """The lock names its holder, and is free again when let go."""
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.prepare()
    first.lock()
    with pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_the_password_is_made_once_and_private(tmp_path: Path) -> None:
    """Later starts find the same one."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    password = folder.kafka_password()
    assert len(password) > 30
    assert folder.kafka_password() == password
    assert stat.S_IMODE((folder.path / "secrets" / "kafka-password").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("free", "paused", "expected"),
    [
        (5_000_000_000, False, None),
        (999_999_999, False, "pause"),
        (999_999_999, True, None),
        (1_100_000_000, True, None),
        (1_100_000_000, False, None),
        (1_250_000_000, True, "resume"),
    ],
)
def test_taking_in_pauses_below_one_gigabyte_and_goes_on_well_above(
    free: int, paused: bool, expected: str | None
) -> None:
    """Between the limits nothing changes, so that it does not flutter."""
    assert change(free, paused=paused) == expected


def test_a_start_on_a_full_disk_is_refused_with_the_numbers() -> None:
    """The message says how much there is and how much is needed."""
    assert refuse_to_start(300_000_000, Path("/data")) is None
    said = refuse_to_start(299_000_000, Path("/data"))
    assert said is not None
    assert "299 MB" in said
    assert "300 MB" in said


def test_pauses_between_restarts_grow_and_are_forgiven() -> None:
    """1, 2, 5, 10, 30, 30 seconds; a minute of life starts them over."""
    pauses, backoff = [], Backoff()
    for lived in (0, 3, 3, 3, 3, 3, 61, 3):
        pause, backoff = backoff.after(lived)
        pauses.append(pause)
    assert pauses == [1, 2, 5, 10, 30, 30, 1, 2]


def test_ports_are_remembered(tmp_path: Path) -> None:
    """Clients keep the address."""
    first = choose_ports(tmp_path / "ports.json", ["a", "b"])
    assert first["a"] != first["b"]
    assert choose_ports(tmp_path / "ports.json", ["a", "b"]) == first
    assert choose_ports(tmp_path / "ports.json", ["b"]) == {"b": first["b"]}
    assert choose_ports(tmp_path / "ports.json", ["a"]) == {"a": first["a"]}
