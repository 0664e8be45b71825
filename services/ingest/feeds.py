"""The feeds that a person configures in `config/feeds.yaml`, and the model that checks them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from services.ingest.urls import canonical_url, host_of
from shared.config_file import read_config
from shared.settings import Settings

DEFAULT_INTERVAL_S = 15 * 60
_DURATION = re.compile(r"^(\d+)\s*([smhd])$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")


def seconds(duration: object) -> int:
    """Read "90s", "15m", "2h", "1d"; raises ValueError that says how to write it."""
    match = _DURATION.match(duration.strip()) if isinstance(duration, str) else None
    if match is None:
        raise ValueError("write a number and a unit: 90s, 15m, 2h or 1d")
    return int(match.group(1)) * _UNITS[match.group(2)]


class Feed(BaseModel):
    """One feed to read. Only the address is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    """How the publisher is called in alerts; the feed's own title where empty."""
    interval: int = Field(DEFAULT_INTERVAL_S, ge=1, le=7 * 86400)
    """Seconds between two polls; the publisher may ask for longer."""
    language: str | None = None
    """The language of every entry, where the feed says none or a wrong one."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    """Where most of its news happens, ISO 3166-1 alpha-2."""
    claims_by_attackers: bool = False
    """True for a tracker of leak sites: what it says is the attacker's word."""
    allow_private: bool = False
    """True for a feed inside your own network, which is refused otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _one_line_is_enough(cls, given: Any) -> Any:
        return {"url": given} if isinstance(given, str) else given

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not url.lower().startswith(("http://", "https://")) or not host_of(url):
            raise ValueError("must be a web address that begins with http:// or https://")
        if "@" in url.split("/", 3)[2]:
            raise ValueError("must not carry a user name or password")
        return url

    @field_validator("interval", mode="before")
    @classmethod
    def _duration(cls, given: Any) -> Any:
        return given if isinstance(given, int) and not isinstance(given, bool) else seconds(given)

    @field_validator("language")
    @classmethod
    def _language_tag(cls, tag: str | None) -> str | None:
        if tag is not None and not _LANGUAGE.match(tag):
            raise ValueError("must be a language tag such as fr, de or pt-BR")
        return tag

    @property
    def label(self) -> str:
        """How logs and tables call it."""
        return self.name or host_of(self.url)


class FeedsFile(BaseModel):
    """The whole of `feeds.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact: Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x20-\x7e]*$")] = ""
    """A page or mail address that publishers find in our User-Agent."""
    feeds: list[Feed] = []

    @field_validator("feeds", mode="before")
    @classmethod
    def _empty_list(cls, given: Any) -> Any:
        return [] if given is None else given

    @field_validator("feeds")
    @classmethod
    def _each_once(cls, feeds: list[Feed]) -> list[Feed]:
        first: dict[str, int] = {}
        for place, feed in enumerate(feeds, start=1):
            earlier = first.setdefault(canonical_url(feed.url), place)
            if earlier != place:
                raise ValueError(f"{feed.url} stands twice, as item {earlier} and item {place}")
        return feeds


def feeds_path(settings: Settings) -> Path:
    """Where the feeds are configured."""
    return settings.config / "feeds.yaml"


def load_feeds(settings: Settings) -> FeedsFile:
    """Read the configured feeds; raises ConfigError with file, line and feed of every problem."""
    return read_config(feeds_path(settings), FeedsFile)
