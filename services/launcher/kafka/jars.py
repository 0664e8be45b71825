"""Kafka's jars: pinned by coordinates, size and SHA-256 in `locks/kafka.toml`, fetched by jgo, checked before use.

    python -m services.launcher.kafka.jars          fetches what is missing (the installer calls it)
    python -m services.launcher.kafka.jars lock     resolves `roots` anew and rewrites the lock file

The lock holds no address: jgo knows the repository. jgo only resolves and downloads here; Java is the JRE
wheel's, started by `server.py` beside it. The jars stand inside the virtual environment, so that a fresh clone with
an empty home folder works and deleting `.venv` deletes everything that was fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shared.errors import CodeGreyError

LOCK = Path(__file__).resolve().parents[3] / "locks" / "kafka.toml"
FOLDER = (Path(sys.prefix) / "share" / "codegrey" / "jars").resolve()
CONNECTIONS = 6
TIMEOUT_S = 60
HEADER = """\
# Apache Kafka's jars. Written by `python -m services.launcher.kafka.jars lock` from `roots`; edit only `roots`.
# Each root is resolved on its own and the first one that names an artifact decides its version: resolved
# together, log4j's table of versions would replace Kafka's own client by an older one.
"""


class JarsError(CodeGreyError):
    """Say why the jars cannot be used, and what to do."""


@dataclass(frozen=True)
class Jar:
    """One pinned file."""

    at: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """The name under which it is kept."""
        _, artifact, version = self.at.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True)
class Lock:
    """What was asked for, and everything it needs."""

    roots: tuple[str, ...]
    jars: tuple[Jar, ...]

    @property
    def kafka_version(self) -> str:
        """The broker's version."""
        return next(root.split(":")[2] for root in self.roots if root.startswith("org.apache.kafka:"))

    @property
    def size(self) -> int:
        """All bytes together."""
        return sum(jar.size for jar in self.jars)


def read_lock(path: Path = LOCK) -> Lock:
    """Read the lock file."""
    raw = tomllib.loads(path.read_text("utf-8"))
    return Lock(tuple(raw["roots"]), tuple(Jar(**jar) for jar in raw.get("jar", [])))


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def intact(path: Path, jar: Jar) -> bool:
    """Tell whether the file is there and is the pinned one."""
    return path.is_file() and path.stat().st_size == jar.size and sha256_of(path) == jar.sha256


@lru_cache(maxsize=1)
def classpath(folder: Path = FOLDER, lock_path: Path = LOCK) -> str:
    """Return Java's class path, every jar checked against the lock (once in a process, about 50 ms)."""
    lock = read_lock(lock_path)
    wrong = [jar.file for jar in lock.jars if not intact(folder / jar.file, jar)]
    if wrong:
        raise JarsError(
            f"{len(wrong)} of Kafka's {len(lock.jars)} jars are missing or damaged in {folder} "
            f"({wrong[0]}{', …' if len(wrong) > 1 else ''}): run `make install`"
        )
    return os.pathsep.join(str(folder / jar.file) for jar in lock.jars)


Advance = Callable[[int], None]


def download(jar: Jar, folder: Path, advance: Advance) -> None:
    """Fetch one jar into `folder`: whole and checked, or not at all."""
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def progress(_name: str, _size: int) -> Iterator[Advance]:
        yield advance

    group, artifact, version = jar.at.split(":")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=progress), repo_cache=Path(part), timeout=TIMEOUT_S
        )
        fetched = context.project(group, artifact).at_version(version).artifact().resolve()
        if not intact(fetched, jar):
            raise JarsError(f"{jar.at} came with another content than {LOCK.name} pins: not used")
        os.replace(fetched, folder / jar.file)


def fetch(folder: Path = FOLDER, lock_path: Path = LOCK) -> int:
    """Fetch what is missing, show progress, remove what the lock no longer names; return how many were fetched."""
    from rich.console import Console
    from rich.progress import Progress

    lock = read_lock(lock_path)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in lock.jars if not intact(folder / jar.file, jar)]
    kept = {jar.file for jar in lock.jars}
    for old in folder.iterdir():
        if old.name.startswith(".part-"):
            shutil.rmtree(old, ignore_errors=True)
        elif old.name not in kept and old.suffix == ".jar":
            old.unlink()
    if not missing:
        return 0
    console = Console(stderr=True)
    size = sum(jar.size for jar in missing)
    console.print(
        f"Apache Kafka {lock.kafka_version}: fetching {len(missing)} jars, {size / 1e6:.1f} MB", highlight=False
    )
    with Progress(console=console) as bar, ThreadPoolExecutor(CONNECTIONS) as pool:
        task = bar.add_task("jars", total=size)
        work = [pool.submit(download, jar, folder, lambda n: bar.advance(task, n)) for jar in missing]
        for one in work:
            one.result()
    return len(missing)


def resolve(roots: tuple[str, ...], repository: Path) -> list[Jar]:
    """Resolve each root on its own, download everything it needs into `repository`, and pin it."""
    from jgo.maven import MavenContext, PythonResolver

    chosen: dict[str, Jar] = {}
    order = [*roots, *roots]  # all roots first: what is asked for by name outranks what another root drags in
    for place, root in enumerate(order):
        context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=TIMEOUT_S)
        asked, dragged_in = context.resolver.resolve([context.create_dependency(root)])
        for dependency in asked if place < len(roots) else dragged_in:
            name = f"{dependency.groupId}:{dependency.artifactId}"
            if dependency.optional or dependency.scope not in (None, "compile", "runtime") or name in chosen:
                continue
            path = dependency.artifact.resolve()
            chosen[name] = Jar(f"{name}:{dependency.version}", path.stat().st_size, sha256_of(path))
    return sorted(chosen.values(), key=lambda jar: jar.at)


def write_lock(path: Path = LOCK) -> Lock:
    """Rewrite the lock file from its roots."""
    roots = read_lock(path).roots
    with tempfile.TemporaryDirectory() as repository:
        lock = Lock(roots, tuple(resolve(roots, Path(repository))))
    lines = [HEADER + "roots = [", *(f'    "{root}",' for root in lock.roots), "]"]
    for jar in lock.jars:
        lines += ["", "[[jar]]", f'at = "{jar.at}"', f"size = {jar.size}", f'sha256 = "{jar.sha256}"']
    partial = path.with_suffix(".part")
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    os.replace(partial, path)
    return lock


def main(arguments: list[str]) -> int:
    """Fetch, or with `lock` rewrite the lock file."""
    if arguments not in ([], ["lock"]):
        print("usage: python -m services.launcher.kafka.jars [lock]", file=sys.stderr)
        return 2
    try:
        if arguments:
            lock = write_lock()
            print(f"{len(lock.jars)} jars, {lock.size / 1e6:.1f} MB pinned in {LOCK}", file=sys.stderr)
        else:
            fetch()
    except Exception as error:
        print(f"Kafka's jars: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
