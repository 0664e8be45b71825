"""The answer to "why was I told, or not told?": one step for each part of the road."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Step:
    """What one part of the road did with an item, when, and for what reason."""

    part: str
    """Which part: ingest, classifier, tracker or notifier."""
    outcome: str
    """One word or two: "published", "gated out", "judged", "merged", "sent", "filtered" ..."""
    detail: str = ""
    at: datetime | None = None
