"""The process that parsers are forked from: it has their libraries loaded, and never sees a document.

Loading them takes longer than parsing a thousand small feeds. So it is done once, the parsers share the memory, and
one that was killed has its successor in a moment. Standard input is a socket: whoever sends a descriptor on it gets
a parser at its other end and reads its process id (eight bytes); whoever sends a process id has that one buried.
Until then its number is nobody else's. The process ends with its socket, as the parsers end with theirs.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable

from services.ingest.parsing.frames import NUMBER
from services.ingest.parsing.parsed import ParsedEntry
from services.ingest.parsing.worker import serve


def main() -> None:
    """Fork a parser for each descriptor that comes, until the socket is closed."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "--languages" in sys.argv:
        _load_languages()
    concerns = _load_gate() if "--gate" in sys.argv else None
    # What is loaded is never garbage; frozen, it also stays one copy for all.
    gc.freeze()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, NUMBER.size, 1)
        if not asked:
            return
        for descriptor in descriptors:
            child = os.fork()
            if not child:
                control.close()
                serve(descriptor, concerns)
                return
            os.close(descriptor)
            control.sendall(NUMBER.pack(child))
        if not descriptors:
            _bury(NUMBER.unpack(asked)[0])


def _load_languages() -> None:
    """Have the table of languages in memory; not on macOS, whose libraries do not survive a fork."""
    if sys.platform != "darwin":
        from py3langid.langid import classify

        classify("nothing in particular")  # type: ignore[no-untyped-call]


def _load_gate() -> Callable[[ParsedEntry], bool]:
    """Return the gate, its tables compiled: all parsers share them."""
    from services.ingest.parsing.entry_gate import compile_gate, passes_gate

    if sys.platform != "darwin":
        compile_gate()
    return passes_gate


def _bury(child: int) -> None:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
