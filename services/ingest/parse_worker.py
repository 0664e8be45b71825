"""The process that parses feeds: reads documents on standard input, answers on standard output.

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
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from services.ingest.frames import dump, pack
from services.ingest.parse import parse

MAX_MEMORY = 1536 * 1024**2
GIVE_UP_S = 60
"""The service kills a slow parser much earlier; this is for the orphan of a dead one."""


def answer(header: dict[str, Any], body: bytes) -> bytes:
    """Do what the header asks for."""
    if header.pop("task", "feed") == "article":
        from services.ingest.page import extract_article

        return json.dumps(asdict(extract_article(body, **header))).encode()
    return dump(parse(body, **header))


def main() -> None:
    """Parse until standard input ends."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not end up among the answers.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory()
    # What was imported is never garbage, and a document leaves little: looking for it seldom saves a tenth.
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    while (header := _read_frame(requests)) is not None and (body := _read_frame(requests)) is not None:
        signal.alarm(GIVE_UP_S)
        answers.write(pack(answer(json.loads(header), body)))
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


if __name__ == "__main__":
    main()
