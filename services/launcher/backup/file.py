"""The file that `codegrey backup` writes: a tar archive with a manifest first, and every member's checksum in it.

It holds secrets (the database knows whom to reach, `secrets/` how), so that it is made for its owner alone, and it
never takes the place of a file that exists. It is read with suspicion: a member that the manifest does not name, or
whose checksum differs, makes the whole file refused before anything was changed.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from services.launcher.datafolder import numbers
from shared.errors import CodeGreyError, ConfigError

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
"""Checks the manifest as it checks the others; backups made before it came do not have it."""
DATABASE = "database.dump"
TOPICS = "topics.jsonl.gz"
MAX_MANIFEST = 20_000_000


class Member(BaseModel):
    """One file of the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    sha256: str


class TopicPart(BaseModel):
    """A topic as far as it is in the file: how many partitions it had, how many records were taken along."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    partitions: int
    records: int


class Manifest(BaseModel):
    """What the file is, who wrote it, and what it holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    program: str
    kafka: str
    postgres: str
    made_at: datetime
    schemas: dict[str, str]
    """The migration that each schema was at."""
    groups: dict[str, dict[str, int]]
    """Of each consumer group, by "topic:partition", the offset that it had committed before the snapshot."""
    topics: dict[str, TopicPart]
    open_deliveries: int
    members: dict[str, Member]


def refuse_backup(manifest: Manifest, *, program: str, postgres: str) -> str | None:
    """Return why this program cannot restore what another one wrote, or None."""
    if manifest.format > FORMAT or numbers(manifest.program) > numbers(program):
        return (
            f"it was written by a newer Code Grey ({manifest.program}, backup format {manifest.format}); "
            f"this is {program}: update first"
        )
    if numbers(manifest.postgres)[:1] > numbers(postgres)[:1]:
        return f"its database was PostgreSQL {manifest.postgres}, and this is {postgres}: update first"
    return None


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def staging(beside: Path) -> Iterator[Path]:
    """Give a private folder on the disk of `beside`, and remove it whatever happens."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".codegrey-backup-", dir=beside.parent))
    except OSError as error:
        raise ConfigError(f"nothing can be written to {beside.parent}: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_existing(target: Path) -> None:
    """Refuse to write over anything."""
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target} exists, and a backup is never overwritten: name another file")


def members_of(folder: Path) -> dict[str, Member]:
    """Describe every file below a staging folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): Member(size=path.stat().st_size, sha256=sha256_of(path)) for path in files
    }


def write_backup(target: Path, folder: Path, manifest: Manifest) -> None:
    """Write the archive in one step: whole, or not at all."""
    partial = folder / ".archive"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        text = manifest.model_dump_json(indent=1).encode()
        for name, content in ((MANIFEST, text), (MANIFEST_SUM, sha256(text).hexdigest().encode())):
            head = tarfile.TarInfo(name)
            head.size, head.mode = len(content), 0o600
            archive.addfile(head, io.BytesIO(content))
        for name in manifest.members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = manifest.members[name].size, 0o600
            with (folder / name).open("rb") as member:
                archive.addfile(entry, member)
        archive.close()
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, target)  # fails where something stands there by now
    except FileExistsError:
        refuse_existing(target)
        raise
    except OSError:  # a disk without hard links
        refuse_existing(target)
        os.rename(partial, target)
    with suppress(OSError):
        directory = os.open(target.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def read_manifest(source: Path) -> Manifest:
    """Read the manifest alone."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            return _manifest(archive, source)
    except (OSError, tarfile.TarError) as error:
        raise ConfigError(f"{source} cannot be read as a backup: {error}") from error


def unpack(source: Path, folder: Path) -> Manifest:
    """Unpack and check the whole archive; raise where anything is not as the manifest says."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            manifest = _manifest(archive, source)
            missing = dict(manifest.members)
            for entry in archive:
                if entry.name in {MANIFEST, MANIFEST_SUM} and entry.name not in manifest.members:
                    continue
                expected = missing.pop(entry.name, None)
                path = PurePosixPath(entry.name)
                if expected is None or not entry.isfile() or path.is_absolute() or ".." in path.parts:
                    raise CodeGreyError(f"{source} holds {entry.name!r}, which its manifest does not name: not used")
                if entry.size != expected.size:  # before it fills the disk
                    raise CodeGreyError(f"{source} is damaged: {entry.name} has another size. Nothing was done")
                _take_out(archive, entry, folder / path)
                if (folder / path).stat().st_size != expected.size or sha256_of(folder / path) != expected.sha256:
                    raise CodeGreyError(f"{source} is damaged: {entry.name} is not what was written. Nothing was done")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise CodeGreyError(f"{source} cannot be read to its end ({error}): nothing was done") from error
    if missing:
        raise CodeGreyError(f"{source} is damaged: {', '.join(sorted(missing))} is missing. Nothing was done")
    return manifest


def _take_out(archive: tarfile.TarFile, entry: tarfile.TarInfo, into: Path) -> None:
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    member = archive.extractfile(entry)
    assert member is not None
    descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with member, open(descriptor, "wb") as file:
        shutil.copyfileobj(member, file)


def _manifest(archive: tarfile.TarFile, source: Path) -> Manifest:
    first = archive.next()
    member = archive.extractfile(first) if first and first.name == MANIFEST and first.size <= MAX_MANIFEST else None
    if member is None:
        raise ConfigError(f"{source} is no backup of Code Grey: it does not begin with {MANIFEST}")
    text, second = member.read(), archive.next()
    if second is not None and second.name == MANIFEST_SUM:
        told = archive.extractfile(second)
        if told is None or told.read(100) != sha256(text).hexdigest().encode():
            raise CodeGreyError(f"{source} is damaged: {MANIFEST} is not what was written. Nothing was done")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"{source}: its manifest cannot be read ({error.error_count()} mistakes)") from error
