"""`config/feeds.yaml` and the files that it includes: read, checked, expanded, watched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from services.ingest.sources.feeds import Feed, Language, Options, Trust, check_address, check_trust
from services.ingest.story.urls import canonical_url
from shared.config_file import read_config
from shared.errors import ConfigError
from shared.settings import Settings

MAX_FEEDS = 20_000
_MAX_SEARCHES = 500


class Search(Options):
    """A news search, asked for each term in each language; it stands for as many feeds."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_500)] = Field(
        description="With {term} in it, and {language} where the search takes one."
    )
    terms: dict[Language, list[Annotated[str, StringConstraints(min_length=1, max_length=200)]]] = Field(
        description="What to search for, by language."
    )

    @field_validator("url")
    @classmethod
    def _template(cls, url: str) -> str:
        if "{term}" not in url:
            raise ValueError("must hold {term} where the words to search for stand")
        return check_address(url)

    @model_validator(mode="after")
    def _not_too_many(self) -> Search:
        if sum(map(len, self.terms.values())) > _MAX_SEARCHES:
            raise ValueError(f"more than {_MAX_SEARCHES} searches")
        return self

    def expand(self) -> Iterator[Feed]:
        """Yield one feed for each term."""
        options = self.model_dump(exclude={"url", "terms", "name", "language"}, exclude_unset=True)
        for language, terms in self.terms.items():
            for term in terms:
                url = self.url.replace("{term}", quote_plus(term)).replace("{language}", language)
                name = f"{self.name}: {term}"[:200] if self.name else ""
                yield Feed(url=url, name=name, language=self.language, **options)


class PushSource(BaseModel):
    """Somebody who may push items, with a token of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
    token_file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = Field(
        description="The file of the secrets folder that holds the token."
    )
    language: Language | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    trust: Trust = "press"
    claims_by_attackers: bool = False

    @model_validator(mode="after")
    def _one_word(self) -> PushSource:
        check_trust(self.trust, self.claims_by_attackers)
        return self

    def as_feed(self) -> Feed:
        """Return the feed that its items belong to."""
        usual = Feed(url="https://push.invalid/").model_dump(exclude={"url", "limits"})
        said = self.model_dump(exclude={"token_file"})
        return Feed.model_construct(**(usual | said | {"url": f"push:{self.name}"}))


class Push(BaseModel):
    """Where items may be pushed to, and by whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):\d{1,5}$")] = (
        "127.0.0.1:8085"
    )
    sources: list[PushSource] = []
    callback: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None,
        description="The public address at which `listen` is reached. With it, hubs are asked to push (WebSub).",
    )

    @field_validator("callback")
    @classmethod
    def _public_address(cls, callback: str | None) -> str | None:
        if callback is not None and ("?" in callback or "#" in callback):
            raise ValueError("must be an address without ? and #")
        return callback if callback is None else check_address(callback)

    @field_validator("sources")
    @classmethod
    def _names_once(cls, sources: list[PushSource]) -> list[PushSource]:
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name")
        return sources


class FeedsFile(BaseModel):
    """The whole of `feeds.yaml`, or of a file that it includes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact: Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x20-\x7e]*$")] = Field(
        "", description="A page or mail address that publishers find in our User-Agent."
    )
    include: list[str] = Field([], description="More files of this kind, beside this one: feeds.d/*.yaml")
    feeds: list[Feed] = Field([], description="The sources to read; a plain address is enough for a feed.")
    searches: list[Search] = Field([], description="News searches, expanded over languages and terms.")
    polite: list[str] = Field(
        [], description="Services of many host names that are asked one after the other, such as example.com."
    )

    push: Push | None = Field(None, description="Items that others push by HTTP.")

    @field_validator("feeds", "searches", "include", "polite", mode="before")
    @classmethod
    def _empty_list(cls, given: Any) -> Any:
        return [] if given is None else given

    @field_validator("include")
    @classmethod
    def _beside(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                raise ValueError(f"{pattern!r} must lead to files beside this one")
        return patterns

    @field_validator("feeds")
    @classmethod
    def _each_once(cls, feeds: list[Feed]) -> list[Feed]:
        first: dict[str, int] = {}
        for place, feed in enumerate(feeds, start=1):
            earlier = first.setdefault(canonical_url(feed.url), place)
            if earlier != place:
                raise ValueError(f"{feed.url} stands twice, as item {earlier} and item {place}")
        return feeds

    def all_feeds(self) -> list[Feed]:
        """Return the feeds, with every search expanded."""
        return [*self.feeds, *(feed for search in self.searches for feed in search.expand())]


def feeds_path(settings: Settings) -> Path:
    """Where the feeds are configured."""
    return settings.config / "feeds.yaml"


class ReadFiles:
    """Remember each file as it was read: a change of one of many costs the reading of that one."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[str, FeedsFile]] = {}

    def __call__(self, path: Path) -> FeedsFile:
        """Read `path`, where it is not as it was; raises ConfigError."""
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            digest = ""
        before = self._read.get(path)
        if before and before[0] == digest:
            return before[1]
        file = read_config(path, FeedsFile)
        if digest:
            self._read[path] = (digest, file)
        return file


def _read_file(path: Path) -> FeedsFile:
    return read_config(path, FeedsFile)


def load_feeds(settings: Settings, read: Callable[[Path], FeedsFile] = _read_file) -> FeedsFile:
    """Read the configured feeds and what they include, as one file without searches.

    Raises ConfigError with file, line and feed of every problem. It takes some milliseconds for each
    feed, so that a service calls it beside its event loop, with one `ReadFiles`.
    """
    path = feeds_path(settings)
    main = read(path)
    files = [(path, main)]
    problems = []
    for part in included(path, main):
        try:
            files.append((part, read(part)))
        except ConfigError as error:
            problems.append(str(error))
    origin: dict[str, Path] = {}
    feeds: list[Feed] = []
    for file, content in files:
        if file is not path and (content.include or content.contact or content.push):
            problems.append(f"{file.name}: `include`, `contact` and `push` belong into {path.name}")
        for feed in content.all_feeds():
            earlier = origin.setdefault(canonical_url(feed.url), file)
            if earlier != file:
                problems.append(f"{file.name}: {feed.url} stands in {earlier.name} already")
            feeds.append(feed)
    unique = list({canonical_url(feed.url): feed for feed in feeds}.values())
    if len(unique) > MAX_FEEDS:
        problems.append(f"{path.name}: more than {MAX_FEEDS} feeds")
    if problems:
        raise ConfigError("\n".join(problems))
    polite = [host for _, content in files for host in content.polite]
    return main.model_copy(update={"feeds": unique, "searches": [], "polite": polite})


def included(path: Path, file: FeedsFile) -> list[Path]:
    """Return the files that `file`, which stands at `path`, includes."""
    found = {part for pattern in file.include for part in path.parent.glob(pattern) if part.is_file()}
    return sorted(found - {path})


class FeedsWatch:
    """Tell when the configuration has changed, in whatever file of its folder.

    The folder's names, sizes and times are looked at; only where they differ is content read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signs = self._look()
        self._hash = self._read()

    def changed(self) -> bool:
        """Return True once for each change of content."""
        signs = self._look()
        if signs == self._signs:
            return False
        self._signs = signs
        content = self._read()
        if content == self._hash:
            return False
        self._hash = content
        return True

    def _files(self) -> list[Path]:
        folder = self._path.parent
        parts = [part for part in folder.glob("*/*") if part.suffix in {".yaml", ".yml"}]
        return [self._path, *sorted(parts)]

    def _look(self) -> list[tuple[str, int, int, int]]:
        signs = []
        for file in self._files():
            try:
                state = file.stat()
            except OSError:
                continue
            signs.append((str(file), state.st_size, state.st_mtime_ns, state.st_ino))
        return signs

    def _read(self) -> str:
        digest = hashlib.sha256()
        for file in self._files():
            try:
                content = file.read_bytes()
            except OSError:
                content = b"\0missing"
            digest.update(f"{file}:{len(content)}:".encode() + content)
        return digest.hexdigest()
