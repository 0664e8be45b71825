"""The installer: what it refuses before it fetches anything, and when it has nothing to do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.launcher import bootstrap
from services.launcher.kafka.jars import LOCK, Jar, JarsError, classpath, read_lock, sha256_of

GLIBC = ("glibc", "2.36")


@pytest.mark.parametrize(
    ("system", "machine", "libc", "bits", "said"),
    [
        ("Linux", "x86_64", GLIBC, 64, None),
        ("Linux", "aarch64", GLIBC, 64, None),
        ("Darwin", "arm64", ("", ""), 64, None),
        ("Windows", "AMD64", ("", ""), 64, "WSL"),
        ("Darwin", "x86_64", ("", ""), 64, "Apple silicon"),
        ("Linux", "riscv64", GLIBC, 64, "Linux on riscv64 is not supported"),
        ("FreeBSD", "amd64", ("", ""), 64, "FreeBSD on amd64 is not supported"),
        ("Linux", "x86_64", ("", ""), 64, "Alpine"),
        ("Linux", "x86_64", ("glibc", "2.17"), 64, "glibc 2.17 is too old"),
        ("Linux", "x86_64", GLIBC, 32, "32-bit"),
    ],
)
def test_a_platform_is_taken_or_refused_in_a_sentence(
    system: str, machine: str, libc: tuple[str, str], bits: int, said: str | None
) -> None:
    """Refusing says what is supported; nothing has been fetched by then."""
    reason = bootstrap.refusal(system, machine, libc, bits)
    assert (reason is None) == (said is None)
    if said:
        assert said in (reason or "")


def test_old_pythons_can_read_the_installer_and_are_told_so_first() -> None:
    """The file parses as Python 3.6, and the check stands before anything that 3.6 lacks."""
    source = Path(bootstrap.__file__).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    assert [type(node).__name__ for node in tree.body[:3]] == ["Expr", "Import", "If"]
    assert "sys.version_info < (3, 11)" in source


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project with lock files and an installed environment."""
    (tmp_path / "locks").mkdir()
    for name in ("run.txt", "dev.txt", "kafka.toml"):
        (tmp_path / "locks" / name).write_text(name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def test_the_stamp_spares_a_second_installation_until_something_changes(project: Path) -> None:
    """An installation for development serves for running; a changed lock, Python or place does not."""
    stamp = project / ".venv" / "stamp.json"
    assert not bootstrap.installed(project, dev=False)
    stamp.write_text(json.dumps(bootstrap.stamp(project, dev=True)))
    assert bootstrap.installed(project, dev=True)
    assert bootstrap.installed(project, dev=False)
    stamp.write_text(json.dumps(bootstrap.stamp(project, dev=False)))
    assert bootstrap.installed(project, dev=False)
    assert not bootstrap.installed(project, dev=True)
    (project / "locks" / "kafka.toml").write_text("changed")
    assert not bootstrap.installed(project, dev=False)


def test_an_interrupted_installation_is_made_anew(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark that stands during the installation of packages means that the environment cannot be trusted."""
    ran: list[list[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=sys.version)

    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    bootstrap.make_environment(project)
    assert not any("venv" in command for command in ran), "a sound environment is kept"
    (project / ".venv" / "installing").touch()
    bootstrap.make_environment(project)
    assert ran[-1][-3:] == ["venv", "--clear", str(project / ".venv")]


def test_the_lock_of_the_jars_pins_all_and_names_no_address() -> None:
    """Coordinates, size and SHA-256 for each; the client is Kafka's own version."""
    lock = read_lock()
    assert len(lock.jars) > 40
    assert all(jar.size > 0 and len(jar.sha256) == 64 for jar in lock.jars)
    assert f"org.apache.kafka:kafka-clients:{lock.kafka_version}" in {jar.at for jar in lock.jars}
    assert "//" not in LOCK.read_text("utf-8")


def test_a_damaged_jar_is_not_put_on_the_class_path(tmp_path: Path) -> None:
    """Every jar is checked against its sum before Java sees it."""
    path = tmp_path / "a-1.jar"
    path.write_bytes(b"as pinned")
    jar = Jar("g:a:1", path.stat().st_size, sha256_of(path))
    lock = tmp_path / "lock.toml"
    lock.write_text(f'roots = []\n[[jar]]\nat = "{jar.at}"\nsize = {jar.size}\nsha256 = "{jar.sha256}"\n')
    assert classpath(tmp_path, lock) == str(path)
    path.write_bytes(b"as forged")
    classpath.cache_clear()
    with pytest.raises(JarsError, match="make install"):
        classpath(tmp_path, lock)
    classpath.cache_clear()
