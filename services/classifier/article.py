"""Hold what the judge is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Article:
    """Hold one item of news as published; only `id`, `title` and `text` are needed, either may be empty."""

    id: str
    title: str
    text: str
    lang: str | None = None
    published: datetime | None = None
    url: str | None = None
    source: str | None = None
    official: bool = False
    """The word of an authority or of the victim itself, as whoever configured its source says."""
