"""What `codegrey up` shows: its own steps with their times, and the services' lines that are meant for people."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import click

COLOURS = {"ingest": "cyan", "classifier": "magenta", "tracker": "yellow", "notifier": "green", "demo": "blue"}
HIDDEN = {"event", "show", "timestamp", "level", "service", "logger", "exception", "exc_info", "stack", "correlation"}
WIDTH = 11
LONGEST_FACT = 160  # the whole stands in the log file


def person_line(line: Mapping[str, Any]) -> str:
    """Return a structured log line as a sentence and its facts."""
    facts = []
    for name, value in line.items():
        if name in HIDDEN or name.endswith("_id") or value in (None, "", [], {}):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        text = text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"
        facts.append(f"{name.replace('_', ' ')}: {text}")
    said = str(line.get("event", ""))
    return f"{said} ({'; '.join(facts)})" if facts else said


def shown(raw: str) -> dict[str, Any] | None:
    """Return a log line's fields if it is meant for people, else None."""
    if '"show"' not in raw:
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and line.get("show") is True else None


class Terminal:
    """Write lines for a person to standard error, each behind the name of the part that says it."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def say(self, part: str, text: str, *, alarm: bool = False) -> None:
        """Show one line; control characters in it are shown, not obeyed, since feeds wrote some of it."""
        safe = "".join(c if c.isprintable() else " " for c in text)
        head = click.style(f"{part:<{WIDTH}}", fg=COLOURS.get(part, "white"), bold=True)
        try:
            click.echo(f"{time.strftime('%H:%M:%S')} {head} {click.style(safe, fg='red') if alarm else safe}", err=True)
        except OSError:
            return  # the terminal is gone; the log files hold everything

    def step(self, text: str, since: float) -> None:
        """Show that a step is done, and how long it took."""
        self.say("up", f"{text}  {time.monotonic() - since:.1f} s")

    def relay(self, part: str, raw: str) -> None:
        """Show a service's log line if it is meant for people."""
        if line := shown(raw):
            self.say(part, person_line(line), alarm=line.get("level") in ("error", "critical"))
