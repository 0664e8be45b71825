"""End a service when its supervisor is gone: its standard input is a pipe that closes then, however that came."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

DRAIN_S = 5.0
ORPHANED = 75


def end_with_supervisor() -> None:
    """Watch standard input on a thread of its own; when it closes drain for a while, then end in any case."""

    def watch() -> None:
        while os.read(descriptor, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(DRAIN_S)
        os._exit(ORPHANED)

    descriptor = os.dup(sys.stdin.fileno())
    threading.Thread(target=watch, name="supervisor watch", daemon=True).start()
