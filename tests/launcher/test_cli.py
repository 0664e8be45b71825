"""The root of the command line, and what `codegrey up` shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.launcher.cli import COMMANDS, main
from services.launcher.processes.log import ServiceLog
from services.launcher.terminal import person_line, shown
from services.launcher.up import demo_plan, real_plan
from tests.launcher.stand_ins import ROOT


def test_help_names_every_command_and_imports_none() -> None:
    """The overview comes from the table: neither Kafka nor the database nor a service is loaded for it."""
    code = (
        "import sys; from click.testing import CliRunner; from services.launcher.cli import main; "
        "print(CliRunner().invoke(main, ['--help']).output); "
        "heavy = {'aiokafka', 'sqlalchemy', 'pydantic', 'faststream', 'jgo', 'psutil'} & set(sys.modules); "
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_an_unknown_command_is_wrong_use_and_the_nearest_is_named() -> None:
    """A typo is answered, with status 2."""
    result = CliRunner().invoke(main, ["jduge"])
    assert result.exit_code == 2
    assert "Did you mean `judge`?" in result.output


def test_a_command_whose_module_is_missing_fails_only_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the command; the rest of the table works."""
    monkeypatch.setitem(COMMANDS, "later", ("services.launcher.not_written_yet:later", "Not yet."))
    result = CliRunner().invoke(main, ["later"])
    assert result.exit_code == 1
    assert "later: this version has no such command yet" in result.output
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0


def test_down_says_so_where_nothing_runs(tmp_path: Path) -> None:
    """It makes nothing and fails not."""
    result = CliRunner().invoke(main, ["down", "--data", str(tmp_path / "data")])
    assert result.exit_code == 0
    assert "nothing runs here" in result.output
    assert not (tmp_path / "data").exists()


def test_up_without_a_configuration_is_wrong_use_and_makes_nothing(tmp_path: Path) -> None:
    """The missing folder is named before anything is started."""
    options = ["up", "--data", str(tmp_path / "data"), "--config", str(tmp_path / "config")]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2
    assert str(tmp_path / "config") in result.output
    assert not (tmp_path / "data").exists()


def test_up_starts_only_the_servers_that_the_settings_do_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a Kafka of the user's own only PostgreSQL is started; the settings reach the services as they are."""
    (tmp_path / "config").mkdir()
    monkeypatch.setenv("CODEGREY_KAFKA_BOOTSTRAP", "kafka.example:9092")
    plan = real_plan(tmp_path / "data", tmp_path / "config", os.environ, healthy_s=60)
    assert not plan.own_kafka
    assert plan.own_postgres
    assert plan.environment["CODEGREY_KAFKA_BOOTSTRAP"] == "kafka.example:9092"
    assert "CODEGREY_KAFKA_BOOTSTRAP" not in plan.told


def test_nothing_of_the_users_settings_reaches_the_demo(tmp_path: Path) -> None:
    """No sample article may ever be sent to a real mailbox, or published to a real Kafka."""
    real = {"CODEGREY_SMTP_HOST": "mail.example", "CODEGREY_KAFKA_BOOTSTRAP": "kafka.example:9092", "PATH": "/bin"}
    plan = demo_plan(tmp_path, tmp_path / "config", {"CODEGREY_SMTP_HOST": "127.0.0.1"}, real)
    assert plan.own_kafka
    assert plan.own_postgres
    assert plan.environment["CODEGREY_SMTP_HOST"] == "127.0.0.1"
    assert "CODEGREY_KAFKA_BOOTSTRAP" not in plan.environment
    assert plan.environment["PATH"] == "/bin"


def test_only_lines_for_people_are_shown_and_read_as_sentences() -> None:
    """`show` must be true; ids and what only machines need stay in the file."""
    assert shown('{"event": "polled", "level": "info"}') is None
    assert shown('Traceback "show"') is None
    line = shown('{"event": "merged", "show": true, "level": "info", "incident_id": "x", "level_now": 4, "by": []}')
    assert line is not None
    assert person_line(line) == "merged (level now: 4)"


def test_a_services_log_rotates_and_keeps_three(tmp_path: Path) -> None:
    """The oldest goes; the newest line is in the file itself."""
    log = ServiceLog(tmp_path / "one.jsonl", limit=20)
    for number in range(12):
        log.write(b"line %06d" % number)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one.jsonl",
        "one.jsonl.1",
        "one.jsonl.2",
        "one.jsonl.3",
    ]
    assert "line 000011" in "".join(path.read_text() for path in sorted(tmp_path.iterdir())[:2])
