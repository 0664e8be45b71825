"""What a sink has received: mails and webhook calls, as values, and how they are kept in a folder."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

INDEX = "index.jsonl"


@dataclass(frozen=True)
class Mail:
    """One mail as it came in."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    file: Path | None = None

    @cached_property
    def message(self) -> EmailMessage:
        """Return the mail, parsed; only when somebody asks, since that takes longer than receiving it."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """Return the subject, decoded."""
        return str(self.message.get("Subject", ""))

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers, decoded, by name in lower case; the last one of a name counts."""
        return {name.lower(): str(value) for name, value in self.message.items()}

    @property
    def text(self) -> str:
        """Return the plain text part, or nothing."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """Return the HTML part, or nothing."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        content = part.get_content() if part else ""
        return content.replace("\r\n", "\n") if isinstance(content, str) else ""


@dataclass(frozen=True)
class Call:
    """One webhook call as it came in; `body` is the parsed JSON, or None where it was none."""

    number: int
    received_at: datetime
    path: str
    headers: dict[str, str]
    raw: bytes
    body: Any = None
    file: Path | None = None

    @property
    def channel(self) -> str:
        """Return the first part of the address: the demo's addresses begin with the channel's name."""
        return self.path.strip("/").split("/")[0]

    @property
    def title(self) -> str:
        """Return a first line worth showing, whatever the chat's dialect."""
        if not isinstance(self.body, dict):
            return ""
        words = self.body.get("title") or self.body.get("text") or self.body.get("message") or ""
        return next((line.strip() for line in str(words).splitlines() if line.strip()), "")

    @property
    def text(self) -> str:
        """Return the message itself, whatever the chat's dialect."""
        if not isinstance(self.body, dict):
            return self.raw.decode("utf-8", "replace")
        return str(self.body.get("message") or self.body.get("text") or "")


def parsed(raw: bytes) -> Any:
    """Return what some JSON says, or None where it is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


class Shelf:
    """A folder with one file for each thing received and an index; numbers go on after a restart."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.last = max((row["number"] for row in self.rows()), default=0)

    def rows(self) -> list[dict[str, Any]]:
        """Return the index, oldest first; a line torn by a power cut is passed over."""
        try:
            lines = (self.folder / INDEX).read_text("utf-8").splitlines() if self.folder else []
        except OSError:
            return []
        rows = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("number"), int):
                rows.append(row)
        return rows

    def next_number(self) -> int:
        """Return the number of what comes in now."""
        self.last += 1
        return self.last

    def path(self, number: int, ending: str) -> Path | None:
        """Return where the file of a number stands, or None where nothing is kept."""
        return self.folder / f"{number:04d}{ending}" if self.folder else None

    def keep(self, row: dict[str, Any], files: dict[str, bytes]) -> None:
        """Write the files of a number, then its line in the index."""
        if self.folder is None:
            return
        for ending, content in files.items():
            (self.folder / f"{row['number']:04d}{ending}").write_bytes(content)
        with (self.folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(row, ensure_ascii=False) + "\n")
