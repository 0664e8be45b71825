"""The process that parses feeds: reads documents on a socket, and answers there.

Frames are a length in four bytes and that many bytes: a JSON header, then the body; the
answer is one frame of JSON. JSON rather than pickle, so that a parser which an attacker has
taken over cannot run code in the service. The process has no secret in its environment, a
limit on memory, and dies by itself where one document takes far too long.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

from services.ingest.parsing.frames import dump, pack
from services.ingest.parsing.parse import parse
from services.ingest.parsing.parsed import ParsedEntry

MAX_MEMORY = 1536 * 1024**2
GIVE_UP_S = 60
"""The service kills a slow parser much earlier; this is for the orphan of a dead one."""
_READ = 256 * 1024


def answer(header: dict[str, Any], body: bytes, concerns: Callable[[ParsedEntry], bool] | None = None) -> bytes:
    """Do what the header asks for; `concerns` says whether the words of an entry pass the gate."""
    if header.pop("task", "feed") == "article":
        from services.ingest.parsing.page import extract_article

        return json.dumps(asdict(extract_article(body, **header))).encode()
    return dump(parse(body, **header), concerns)


def serve(descriptor: int, concerns: Callable[[ParsedEntry], bool] | None = None) -> None:
    """Parse what comes on a socket until it is closed."""
    requests = open(os.dup(descriptor), "rb", _READ)  # noqa: SIM115 - both are open as long as the process lives
    answers = open(descriptor, "wb")  # noqa: SIM115
    _limit_memory()
    # A document leaves little garbage: looking for it seldom saves a tenth.
    gc.set_threshold(20_000, 10, 10)
    while (header := _read_frame(requests)) is not None and (body := _read_frame(requests)) is not None:
        signal.alarm(GIVE_UP_S)
        answers.write(pack(answer(json.loads(header), body, concerns)))
        answers.flush()
        signal.alarm(0)


def _read_frame(stream: BinaryIO) -> bytes | None:
    length = stream.read(4)
    if len(length) < 4:
        return None
    size = struct.unpack(">I", length)[0]
    data = stream.read(size)
    return data if len(data) == size else None


def _limit_memory() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    except (ValueError, OSError):
        return  # macOS refuses; the limits on bytes, entries and time hold there too
