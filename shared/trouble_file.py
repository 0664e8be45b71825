"""Let what is no service (the supervisor, a command) tell operators of trouble: by a file in the data folder.

`codegrey up` and the notifier it starts share that folder; the file stands until its writer takes it back.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

from shared.ids import stable_id
from shared.trouble import Trouble

_FILE = TypeAdapter(tuple[Trouble, ...])


def _folder(data: Path) -> Path:
    return data / "run" / "troubles"


def write_trouble_file(data: Path, source: str, troubles: Iterable[Trouble]) -> None:
    """Say what is wrong at `source`, which is no service; an empty list says that all is well."""
    path = _folder(data) / f"{stable_id(source)}.json"
    found = tuple(troubles)
    if not found:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(_FILE.dump_json(found))
    fresh.replace(path)


def read_trouble_files(data: Path) -> list[Trouble]:
    """Read what was left in the data folder; a file that cannot be read counts as none."""
    found: list[Trouble] = []
    for path in sorted(_folder(data).glob("*.json")):
        try:
            found += _FILE.validate_python(json.loads(path.read_bytes()))
        except (OSError, ValueError):
            continue
    return found
