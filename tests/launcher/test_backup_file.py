"""The backup's file: private, never written over, and refused whole where anything is not as it was written."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.launcher.backup.database import tool_environment
from services.launcher.backup.file import (
    Manifest,
    TopicPart,
    members_of,
    read_manifest,
    refuse_backup,
    staging,
    unpack,
    write_backup,
)
from services.launcher.backup.restore import (
    clear_half,
    keep_secrets,
    place_config,
    refuse_other_config,
    refuse_used,
    unknown,
)
from services.launcher.backup.take import quoted, save_configuration
from services.launcher.datafolder import DataFolder, Versions
from services.launcher.processes.log import KEPT, rotate_in_place
from shared.errors import CodeGreyError, ConfigError
from shared.settings import Settings


def manifest(folder: Path, **changes: object) -> Manifest:
    """Describe a staging folder."""
    values: dict[str, object] = {
        "format": 1,
        "program": "0.1.0",
        "kafka": "4.1.2",
        "postgres": "18.6",
        "made_at": datetime(2026, 11, 25, tzinfo=UTC),
        "schemas": {"ingest": "0001"},
        "groups": {"codegrey-tracker": {"codegrey.reports:0": 3}},
        "topics": {"codegrey.reports": TopicPart(partitions=3, records=3)},
        "open_deliveries": 0,
        "members": members_of(folder),
    }
    return Manifest.model_validate(values | changes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a small backup."""
    target = tmp_path / "codegrey.backup"
    with staging(target) as stage:
        (stage / "config").mkdir()
        (stage / "config" / "feeds.yaml").write_text("feeds: []\n")
        (stage / "database.dump").write_bytes(os.urandom(50_000))
        write_backup(target, stage, manifest(stage))
    return target


def test_what_is_written_is_read_back_and_only_its_owner_may(file: Path, tmp_path: Path) -> None:
    """Nothing of the staging folder stays."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    (tmp_path / "out").mkdir()
    found = unpack(file, tmp_path / "out")
    assert found == read_manifest(file)
    assert (tmp_path / "out" / "config" / "feeds.yaml").read_text() == "feeds: []\n"


def test_a_file_that_exists_is_never_written_over(file: Path, tmp_path: Path) -> None:
    """Also where it appears while the backup is made."""
    before = file.read_bytes()
    with staging(file) as stage:
        (stage / "database.dump").write_bytes(b"other")
        with pytest.raises(ConfigError, match="never overwritten"):
            write_backup(file, stage, manifest(stage))
    assert file.read_bytes() == before


def _claim_other_sizes(file: Path) -> None:
    """Let the archive's own head of the dump claim less than the manifest does."""
    with tarfile.open(file) as archive:
        entries = [(entry, archive.extractfile(entry).read()) for entry in archive]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as archive:
        for entry, content in entries:
            short = content[:10] if entry.name == "database.dump" else content
            entry.size = len(short)
            archive.addfile(entry, io.BytesIO(short))


@pytest.mark.parametrize(
    "harm", ["a bit", "a figure of the manifest", "a size", "the end", "a member more", "a path outside", "a link"]
)
def test_a_damaged_or_forged_file_is_refused_before_anything_is_done(file: Path, tmp_path: Path, harm: str) -> None:
    """A checksum, a missing end, a member that the manifest does not name."""
    raw = bytearray(file.read_bytes())
    if harm == "a bit":
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)
    elif harm == "a figure of the manifest":  # an offset: work would be passed over
        file.write_bytes(raw.replace(b'"codegrey.reports:0": 3', b'"codegrey.reports:0": 7', 1))
    elif harm == "a size":
        _claim_other_sizes(file)
    elif harm == "the end":
        file.write_bytes(raw[: len(raw) // 2])
    else:
        with tarfile.open(file, "a") as archive:
            name = {"a member more": "config/more.yaml", "a path outside": "../evil", "a link": "database.dump"}[harm]
            entry = tarfile.TarInfo(name)
            if harm == "a link":
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(entry)
            else:
                entry.size = 4
                archive.addfile(entry, io.BytesIO(b"evil"))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(CodeGreyError, match=r"damaged|cannot be read|does not name"):
        unpack(file, out)
    assert not (tmp_path / "evil").exists()


def test_any_other_file_is_said_to_be_no_backup(tmp_path: Path) -> None:
    """A text, an empty file, some other archive."""
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    with tarfile.open(tmp_path / "tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("readme"))
    for name in ("text", "empty", "tar", "absent"):
        with pytest.raises(ConfigError):
            read_manifest(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"program": "0.0.9", "postgres": "17.2"}, None),
        ({"program": "0.2.0"}, "newer Code Grey"),
        ({"format": 2}, "newer Code Grey"),
        ({"postgres": "19.0"}, "PostgreSQL 19.0"),
    ],
)
def test_a_newer_backup_is_refused_and_an_older_one_taken(
    tmp_path: Path, changes: dict[str, object], reason: str | None
) -> None:
    """Whatever an older program and an older PostgreSQL have written can be restored."""
    said = refuse_backup(manifest(tmp_path, **changes), program="0.1.0", postgres="18.6.3")
    assert (said is None) == (reason is None)
    assert reason is None or reason in str(said)


def test_tables_that_this_program_does_not_know_are_refused(tmp_path: Path) -> None:
    """Their migration is looked for before anything is loaded."""
    assert unknown(manifest(tmp_path)) is None
    assert "at 9999" in str(unknown(manifest(tmp_path, schemas={"notifier": "9999"})))
    assert "schema later" in str(unknown(manifest(tmp_path, schemas={"later": "0001"})))


def test_configuration_settings_and_secrets_come_along(tmp_path: Path) -> None:
    """The settings can be read by a shell; where this machine keeps things is not carried to another."""
    for name in ("config", "secrets", "stage", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "feeds.yaml").write_text("feeds: []\n")
    (tmp_path / "secrets" / "codegrey_smtp_password").write_text("hush")
    (tmp_path / "secrets" / "another").write_text("not ours")
    settings = Settings(config=tmp_path / "config", secrets_dir=tmp_path / "secrets")
    environment = {"CODEGREY_SMTP_HOST": "mail.example", "CODEGREY_DATA": "/here", "CODEGREY_SMTP_FROM": "it's us"}
    assert save_configuration(settings, tmp_path / "stage", environment) == 3
    kept = keep_secrets(tmp_path / "stage", DataFolder(tmp_path / "data"))
    assert sorted(path.name for path in kept.iterdir()) == ["codegrey_smtp_password", "settings.env"]
    assert (kept / "settings.env").read_text() == (
        "CODEGREY_SMTP_FROM='it'\\''s us'\nCODEGREY_SMTP_HOST='mail.example'\n"
    )
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept.iterdir())
    assert quoted("plain") == "'plain'"


def test_another_configuration_is_put_aside_only_if_told_to(tmp_path: Path) -> None:
    """The same one is left alone; the one before stays beside it."""
    kept, config = tmp_path / "kept", tmp_path / "config"
    for folder, words in ((kept, "restored"), (config, "present")):
        folder.mkdir()
        (folder / "feeds.yaml").write_text(words)
    with pytest.raises(ConfigError, match="--replace-config"):
        refuse_other_config(kept, config, replace=False)
    refuse_other_config(kept, config, replace=True)
    place_config(kept, config)
    assert (config / "feeds.yaml").read_text() == "restored"
    assert (tmp_path / "config.before-restore-1" / "feeds.yaml").read_text() == "present"
    refuse_other_config(kept, config, replace=False)
    place_config(kept, config)
    assert not (tmp_path / "config.before-restore-2").exists()


def test_half_a_restored_folder_is_not_run_and_is_begun_anew(tmp_path: Path) -> None:
    """Its deliveries are not settled yet; but a folder that lives is never taken for half of something."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    (folder.path / "kafka").mkdir()
    with pytest.raises(ConfigError, match="in use"):
        refuse_used(folder)
    folder.restoring.write_text("")
    refuse_used(folder)
    with pytest.raises(ConfigError, match="half of a backup"):
        folder.check_version(Versions(1, "0.1.0", "4.1.2", "18.6.3"))
    DataFolder(folder.path).prepare()
    clear_half(folder)
    assert not (folder.path / "kafka").exists()


def test_a_password_reaches_the_tools_by_their_environment_only() -> None:
    """A command line can be read by every user of the machine."""
    found = tool_environment("postgresql+asyncpg://ada:secret@db.example:5433/grey?ssl=require")
    assert found["PGPASSWORD"] == "secret"
    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db.example", "5433", "ada")
    assert found["PGSSLMODE"] == "require"
    socket = tool_environment("postgresql+asyncpg://codegrey@/codegrey?host=/run/socket")
    assert (socket["PGHOST"], socket["PGDATABASE"]) == ("/run/socket", "codegrey")
    assert "PGPASSWORD" not in socket


def test_a_log_that_another_program_keeps_open_is_rotated_under_it(tmp_path: Path) -> None:
    """It goes on writing into the same file, at its new end."""
    log = tmp_path / "postgres.log"
    with log.open("ab", buffering=0) as held:
        for number in range(6):
            held.write(f"{number}".encode() * 100)
            assert rotate_in_place(log, limit=99)
        held.write(b"after")
    assert log.read_bytes() == b"after"
    assert not rotate_in_place(log, limit=99)
    assert log.with_name("postgres.log.1").read_bytes() == b"5" * 100
    assert log.with_name(f"postgres.log.{KEPT}").read_bytes() == b"3" * 100
    assert not log.with_name(f"postgres.log.{KEPT + 1}").exists()
