"""The systemd unit: what it says, and what installing it calls."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from services.launcher.systemd.install import Manager, install, state, uninstall
from services.launcher.systemd.unit import Unit, environment_file, quoted, unit_folder
from shared.errors import CodeGreyError, ConfigError

FAKE = """#!/bin/sh
echo "$0 $*" | sed 's|.*/||' >> "$CALLS"
case "$*" in
  *ActiveState,SubState*) printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nNRestarts=0\\n' ;;
  *ActiveState*) echo ActiveState=inactive ;;
  *Version*) echo Version=252 ;;
  *Linger*) echo Linger=no ;;
  *enable-linger*) exit 1 ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `systemctl` and a `loginctl` into the way that only write down how they are called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "loginctl"):
        (programs / name).write_text(FAKE)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path / "calls"


def unit(scope: str = "user", root: Path = Path("/srv/code grey")) -> Unit:
    """Return a unit with paths that need care."""
    return Unit(scope, root / ".venv/bin/codegrey", root / "100%", root / "config", root / "environment")  # type: ignore[arg-type]


if shutil.which("systemd-analyze"):  # Where there is none, the lines are held by the tests below alone.

    @pytest.mark.parametrize("scope", ["user", "system"])
    def test_the_unit_is_one_that_systemd_accepts(scope: str, tmp_path: Path) -> None:
        """Checked by systemd itself."""
        program = tmp_path / "code grey" / ".venv" / "bin" / "codegrey"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        file = tmp_path / "codegrey.service"
        file.write_text(unit(scope, tmp_path / "code grey").text())
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True)
        ours = [line for line in done.stderr.splitlines() if "codegrey" in line]
        assert not ours, done.stderr


def test_it_stops_in_good_order_and_restarts_on_failure_only() -> None:
    """Wrong settings (status 2) wait for a person; the time to stop is longer than the longest drain."""
    text = unit().text()
    for line in (
        "KillSignal=SIGINT",
        "KillMode=mixed",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "TimeoutStopSec=150",
        "NoNewPrivileges=yes",
        "WantedBy=default.target",
    ):
        assert line in text.splitlines()
    assert '"/srv/code grey/.venv/bin/codegrey" up --data "/srv/code grey/100%%"' in text
    assert "MemoryDenyWriteExecute" not in text, "Java compiles as it runs"
    system = unit("system").text()
    assert "WantedBy=multi-user.target" in system
    assert "After=network-online.target" in system


@pytest.mark.parametrize(
    ("word", "written"), [("/a/b", "/a/b"), ("/a b", '"/a b"'), ('/a"b', '"/a\\"b"'), ("/$HOME/5%", "/$$HOME/5%%")]
)
def test_paths_are_written_as_systemd_reads_them(word: str, written: str) -> None:
    """Spaces, quotes, percent and dollar signs."""
    assert quoted(word) == written


def test_a_users_unit_stands_in_their_own_folder() -> None:
    """And root's in the machine's."""
    home = Path("/home/ada")
    assert unit_folder("user", home) == home / ".config/systemd/user"
    assert unit_folder("user", home, "/xdg") == Path("/xdg/systemd/user")
    assert unit_folder("system", home) == Path("/etc/systemd/system")
    assert environment_file("user", home) == home / ".config/codegrey/environment"


def test_installing_writes_unit_and_settings_and_starts_it(calls: Path, tmp_path: Path) -> None:
    """The settings' file is private and survives; lingering that is refused is told with the command."""
    (tmp_path / "config").mkdir()
    manager, words = Manager("user"), list[str]()
    install(manager, tmp_path / "data", tmp_path / "config", words.append)
    assert stat.S_IMODE(manager.environment_file.stat().st_mode) == 0o600
    assert f"--data {tmp_path / 'data'}" in manager.unit_file.read_text()
    done = [line for line in calls.read_text().splitlines() if "show" not in line]
    assert done == [
        "systemctl --user daemon-reload",
        "systemctl --user enable codegrey.service",
        "systemctl --user start codegrey.service",
        "loginctl enable-linger",
    ]
    assert any("loginctl enable-linger" in line for line in words)

    manager.environment_file.write_text("CODEGREY_SMTP_HOST='mail.example'\n")
    install(manager, tmp_path / "data", tmp_path / "config", words.append)
    assert "mail.example" in manager.environment_file.read_text()
    assert state(manager)["ActiveState"] == "active"

    uninstall(manager, words.append)
    assert not manager.unit_file.exists()
    assert "mail.example" in manager.environment_file.read_text()
    assert "systemctl --user disable --now codegrey.service" in calls.read_text()
    with pytest.raises(CodeGreyError, match="nothing to uninstall"):
        uninstall(manager, words.append)


def test_without_systemd_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `systemctl` at all, or one that reaches nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CodeGreyError, match="@reboot"):
        install(Manager("user"), tmp_path, tmp_path, lambda _: None)
    broken = tmp_path / "systemctl"
    broken.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), "/bin"]))
    with pytest.raises(CodeGreyError, match="Failed to connect to bus"):
        install(Manager("user"), tmp_path, tmp_path, lambda _: None)


def test_a_configuration_that_is_missing_is_said_before_anything_is_written(calls: Path, tmp_path: Path) -> None:
    """Systemd would only say that the process ended."""
    with pytest.raises(ConfigError, match=r"feeds\.yaml"):
        install(Manager("user"), tmp_path / "data", tmp_path / "nothing", lambda _: None)
    assert not Manager("user").unit_file.exists()
