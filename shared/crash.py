"""Points at which the chaos run may kill a process, at the worst moments of the delivery guarantees."""

from __future__ import annotations

import os
import signal


def crash_point(name: str) -> None:
    """Die here, as by kill -9, where the chaos run asks for it: it names one point in a file.

    The file is removed first, so that each request kills once. Costs one environment look-up.
    """
    file = os.environ.get("CODEGREY_CRASH_FILE")
    if not file:
        return
    try:
        with open(file, encoding="utf-8") as wanted:
            if wanted.read().strip() != name:
                return
        os.unlink(file)
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
