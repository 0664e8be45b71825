"""Read the sample articles: data files, one for each outlet, with the verdict that is expected of each text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

FOLDER = Path(__file__).parent / "articles"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Strict):
    """The verdict that a careful reader would give: the judge is tested against it."""

    incident: bool
    outage: bool = False
    level: tuple[int, int]
    """Lowest and highest level that can be argued; mostly the same."""
    victim: str | None = None
    """A part of the victim's name that must appear."""
    country: str | None = None

    @field_validator("level", mode="before")
    @classmethod
    def _one_or_two(cls, given: Any) -> Any:
        return (given, given) if isinstance(given, int) else given


class Version(_Strict):
    """An article as it stands from a moment on."""

    after_seconds: int = Field(0, ge=0)
    """Seconds after the demo's feeds were first read."""
    title: Text
    summary: Text
    text: Text
    expected: Expected


class Article(Version):
    """An article, with the revisions its author makes while the demo runs."""

    slug: Slug
    about: Text
    """Why it is here."""
    minutes_before: int = Field(0, ge=0)
    """How long it was published before the demo's feeds were first read."""
    revision: tuple[Version, ...] = ()

    @model_validator(mode="after")
    def _old_or_new(self) -> Article:
        if (self.after_seconds > 0) == (self.minutes_before > 0):
            raise ValueError(f"{self.slug}: give either 'after_seconds' or 'minutes_before'")
        moments = [version.after_seconds for version in self.versions()]
        if moments != sorted(set(moments)):
            raise ValueError(f"{self.slug}: revisions come after what they revise")
        return self

    def versions(self) -> Iterator[Version]:
        """Return the article and its revisions, first to last."""
        yield self
        yield from self.revision


class Outlet(_Strict):
    """An invented newspaper or wire, and how its feed looks."""

    key: Slug
    name: Text
    host: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.example$")]
    """The address it would have; it is served on loopback, of course."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    format: Literal["rss", "atom"]
    carries: Literal["text", "summary"]
    """Whether the feed carries the whole text of each article, or its summary only."""
    articles: tuple[Article, ...]

    def carried(self, version: Version) -> str:
        """Return what a reader of the feed gets to read of an article besides its title."""
        return version.text if self.carries == "text" else version.summary


def read_outlet(content: str) -> Outlet:
    """Read one data file; raises ValueError that says what is wrong."""
    document = tomllib.loads(content)
    outlet = Outlet.model_validate({**document.pop("outlet"), "articles": document.pop("article")})
    if document:
        raise ValueError(f"unknown: {', '.join(document)}")
    slugs = [article.slug for article in outlet.articles]
    if len(slugs) != len(set(slugs)):
        raise ValueError(f"{outlet.key}: two articles share a slug")
    return outlet


@cache
def outlets() -> tuple[Outlet, ...]:
    """Return every outlet with its articles, in the order of their keys."""
    return tuple(read_outlet(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml")))
