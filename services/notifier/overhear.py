"""Keep Apprise's log lines for ourselves: they tell what happened, and they hold addresses with secrets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.notifier.evidence import Line

_here = threading.local()


class _Ear(logging.Handler):
    """Give each line to the send that runs in the same thread; without one it is forgotten."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        lines: list[Line] | None = getattr(_here, "lines", None)
        if lines is not None:
            lines.append(Line(record.levelname, record.getMessage()))


_ear = _Ear()


def keep_lines_private() -> None:
    """Cut Apprise off from the program's log; urllib3 as well, which names addresses when it is noisy.

    Done before each use, since whoever configures logging does not know of it.
    """
    apprise = logging.getLogger("apprise")
    apprise.setLevel(logging.DEBUG)
    apprise.propagate = False
    if _ear not in apprise.handlers:
        apprise.handlers = [_ear]
    logging.getLogger("urllib3").setLevel(logging.WARNING)


@contextmanager
def overheard() -> Iterator[list[Line]]:
    """Collect what Apprise says in this thread while inside."""
    _here.lines = []
    try:
        yield _here.lines
    finally:
        del _here.lines
