"""One source of news as a person configures it, and the model that checks it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from services.ingest.story.urls import host_of

DEFAULT_INTERVAL_S = 15 * 60
_DURATION = re.compile(r"^(\d+)\s*([smhd])$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_HEADER = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")
_OURS = frozenset({"host", "user-agent", "accept-encoding", "if-none-match", "if-modified-since", "content-length"})
SECRET = re.compile(r"\$\{([a-z0-9_]{1,60})\}")
"""A header's value may name a file of the secrets folder: `Bearer ${tracker_token}`."""

Language = Annotated[str, StringConstraints(pattern=_LANGUAGE.pattern)]
Trust = Literal["press", "official", "attackers"]
FullText = Literal["candidates", "never"]


def seconds(duration: object) -> int:
    """Read "90s", "15m", "2h", "1d"; raises ValueError that says how to write it."""
    match = _DURATION.match(duration.strip()) if isinstance(duration, str) else None
    if match is None:
        raise ValueError("write a number and a unit: 90s, 15m, 2h or 1d")
    return int(match.group(1)) * _UNITS[match.group(2)]


def check_address(url: str) -> str:
    """Return a web address that may be configured; raises ValueError in words."""
    if not url.lower().startswith(("http://", "https://")) or not host_of(url):
        raise ValueError("must be a web address that begins with http:// or https://")
    if "@" in url.split("/", 3)[2]:
        raise ValueError("must not carry a user name or password")
    return url


def check_trust(trust: Trust, claims_by_attackers: bool) -> None:
    """Refuse a source that would be both; raises ValueError in words."""
    if claims_by_attackers and trust == "official":
        raise ValueError("`trust: official` and `claims_by_attackers: true` contradict each other")


class JsonMapping(BaseModel):
    """Where a JSON answer keeps its entries, in JMESPath; all but `entries` are asked of each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entries: str = Field(description="Finds the list of entries, for example data.items")
    id: str = ""
    url: str = ""
    title: str = ""
    summary: str = ""
    text: str = ""
    published: str = ""
    language: str = ""

    @field_validator("*")
    @classmethod
    def _an_expression(cls, expression: str) -> str:
        if not expression:
            return expression
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            jmespath.compile(expression)
        except JMESPathError as error:
            raise ValueError(f"no JMESPath expression: {' '.join(str(error).split())[:200]}") from None
        return expression


class Limits(BaseModel):
    """Bounds for one source, below or above the usual ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    megabytes: int = Field(16, ge=1, le=64, description="Of one answer, unpacked.")
    seconds: int = Field(60, ge=1, le=300, description="For one answer, from the look-up to its last byte.")
    entries: int = Field(5_000, ge=1, le=5_000, description="Read from one answer, the newest.")


class Options(BaseModel):
    """What may be said of every kind of source. All of it is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        "", description="How the publisher is called in alerts; the feed's own title where empty."
    )
    interval: int = Field(
        DEFAULT_INTERVAL_S,
        ge=1,
        le=7 * 86400,
        description="Time between two polls, such as 15m or 2h; the publisher may ask for longer.",
        json_schema_extra={"type": ["integer", "string"]},
    )
    language: Language | None = Field(None, description="Of every entry, where the feed says none or a wrong one.")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        None, description="Where most of its news happens, ISO 3166-1 alpha-2."
    )
    trust: Trust = Field(
        "press",
        description="Whose word it is: `official` for an authority's own page, or the hospital's, whose word confirms; "
        "`attackers` for a tracker of their leak sites.",
    )
    claims_by_attackers: bool = Field(False, description="Another way to write `trust: attackers`.")
    allow_private: bool = Field(False, description="A source inside your own network, which is refused otherwise.")
    full_text: FullText = Field(
        "candidates", description="Fetch the linked page of entries that may be about an attack on care."
    )
    headers: dict[str, str] = Field({}, description="Sent with each request; ${name} is read from the secrets folder.")
    proxy: str | None = Field(None, description="An HTTP proxy, http://host:port; it looks names up itself.")
    limits: Limits = Limits()

    @field_validator("interval", mode="before")
    @classmethod
    def _duration(cls, given: Any) -> Any:
        return given if isinstance(given, int) and not isinstance(given, bool) else seconds(given)

    @field_validator("language", mode="before")
    @classmethod
    def _language_tag(cls, tag: Any) -> Any:
        if tag is not None and not (isinstance(tag, str) and _LANGUAGE.match(tag)):
            raise ValueError("must be a language tag such as fr, de or pt-BR")
        return tag

    @field_validator("headers")
    @classmethod
    def _clean_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER.match(name) or name.lower() in _OURS:
                raise ValueError(f"header {name!r} cannot be set")
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"the value of header {name!r} must be plain ASCII on one line")
        return headers

    @model_validator(mode="after")
    def _one_word(self) -> Self:
        check_trust(self.trust, self.claims_by_attackers)
        return self

    @field_validator("proxy")
    @classmethod
    def _proxy_address(cls, proxy: str | None) -> str | None:
        return proxy if proxy is None else check_address(proxy)


class Feed(Options):
    """One source to read. Only the address is needed, and one line is enough for it."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)] = Field(
        description="Of a feed (RSS, RDF, Atom, JSON Feed) or a sitemap; of a page or an API with the keys for them."
    )
    page: str | None = Field(None, description="For a web page: a CSS selector that finds the links to its news.")
    json_api: JsonMapping | None = Field(None, alias="json", description="For a JSON API: where its entries are.")

    @model_validator(mode="before")
    @classmethod
    def _one_line_is_enough(cls, given: Any) -> Any:
        return {"url": given} if isinstance(given, str) else given

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        return check_address(url)

    @field_validator("page")
    @classmethod
    def _selector(cls, selector: str | None) -> str | None:
        if selector is not None:
            from cssselect import GenericTranslator, SelectorError

            try:
                GenericTranslator().css_to_xpath(selector)
            except SelectorError as error:
                raise ValueError(f"no CSS selector: {error}") from None
        return selector

    @model_validator(mode="after")
    def _one_kind(self) -> Feed:
        if self.page and self.json_api:
            raise ValueError("a source is either a page or a JSON API")
        return self

    @property
    def label(self) -> str:
        """How logs and tables call it."""
        return self.name or host_of(self.url)

    def how(self) -> dict[str, Any]:
        """Say how its documents are parsed, where they cannot be recognised by themselves."""
        said: dict[str, Any] = {}
        if self.page:
            said["page"] = self.page
        if self.json_api:
            said["json"] = {key: value for key, value in self.json_api.model_dump().items() if value}
        if self.limits.entries != Limits().entries:
            said["max_entries"] = self.limits.entries
        return said
