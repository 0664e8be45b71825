"""Read `subscriptions.yaml`: the channels, who is told of what through them, and the operators.

Nothing secret stands in this file: the address of a chat or webhook is a secret of its own
(`Settings.channel_secret`), and so is the mail server's password.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.config_file import read_config
from shared.settings import Settings

FILE = "subscriptions.yaml"
OPERATORS = "operators"
"""Stands where a subscription's name stands in what the operators are told."""
CANARY = "~canary"
"""Stands there for the canary, and names its channel; nobody's name may begin so."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Address = Annotated[str, StringConstraints(pattern=r"^[!#-'*+./0-9=?A-Z^_`a-z{|}~-]{1,64}@[0-9A-Za-z.-]{1,255}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Watched = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
Level = Annotated[int, Field(ge=1, le=5)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _weekly(value: Any) -> Any:
    return ({} if value else None) if isinstance(value, bool) else value


def _digest(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("daily at "):
        return {"at": value.removeprefix("daily at ").strip()}
    return _weekly(value)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no time zone of that name; write for example Europe/Paris") from None
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Channel(_Strict):
    """One way to reach people. `on_unknown` says what to do where a message may have arrived or not."""

    kind: Literal["email", "chat", "webhook"]
    to: Annotated[tuple[Address, ...], BeforeValidator(_as_list)] = ()
    on_unknown: Literal["repeat", "hold"] = "repeat"

    @model_validator(mode="after")
    def _addresses_belong_to_mail(self) -> Self:
        if self.kind == "email" and not self.to:
            raise ValueError("an email channel needs 'to': an address, or a list of them")
        if self.kind != "email" and self.to:
            raise ValueError(
                f"'to' belongs to email channels; the address of a {self.kind} channel is a secret: "
                "set CODEGREY_CHANNEL_<NAME>"
            )
        return self


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Weekly(_Strict):
    """When to be told that somebody is still watching: Monday at eight, unless said otherwise."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    hour: Annotated[int, Field(ge=0, le=23)] = 8
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"


class Digest(_Strict):
    """When small news comes, once a day: at eight, unless said otherwise."""

    at: Clock = "08:00"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"

    def last_due(self, now: datetime) -> datetime:
        """Return the last moment at or before `now` at which it was due."""
        zone = ZoneInfo(self.timezone)
        at, today = time.fromisoformat(self.at), now.astimezone(zone).date()
        # Compared as moments: on the days when clocks are changed an hour comes twice, or not at all.
        days = (today - timedelta(days=ago) for ago in range(3))
        moments = (datetime.combine(day, at, zone).astimezone(UTC) for day in days)
        return next(moment for moment in moments if moment <= now)


class QuietHours(_Strict):
    """When only what cannot wait is told; incidents of `except_level` or more are told at any hour."""

    # `from` is a word of Python's.
    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    except_level: Level | None = None

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begin == self.end:
            raise ValueError("'from' and 'to' are the same: that is no time, or all of it")
        return self

    def holds(self, moment: datetime) -> bool:
        """Say whether it is quiet at a moment, by the clocks of that place."""
        clock = moment.astimezone(ZoneInfo(self.timezone)).strftime("%H:%M")
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


class Subscription(_Strict):
    """Who wants to know what. Countries None means everywhere; outages None means never."""

    name: Name
    channels: Annotated[tuple[Name, ...], Field(min_length=1)]
    minimum_level: Level = 2
    countries: Annotated[tuple[Country, ...], Field(min_length=1)] | None = None
    watch: tuple[Watched, ...] = ()
    outages: Level | None = 4
    hourly_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    weekly: Annotated[Weekly | None, BeforeValidator(_weekly)] = None
    quiet_hours: QuietHours | None = None
    digest: Annotated[Digest | None, BeforeValidator(_digest)] = None

    @model_validator(mode="after")
    def _name_is_not_the_operators(self) -> Self:
        if self.name == OPERATORS:
            raise ValueError(f"{OPERATORS!r} is a reserved name; use the key 'operators:' beside 'channels:'")
        return self


class Operators(_Strict):
    """Whom to tell when the system itself is in trouble."""

    channels: Annotated[tuple[Name, ...], Field(min_length=1)]


class Subscriptions(_Strict):
    """The whole file."""

    channels: dict[Name, Channel] = {}
    subscriptions: tuple[Subscription, ...] = ()
    operators: Operators | None = None

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        problems = [*self._unknown_channels(), *self._named_twice(), *self._shared_secrets()]
        if problems:
            # With the place of each, so that each is told with its line.
            raise ValidationError.from_exception_data("subscriptions", problems)
        return self

    def _unknown_channels(self) -> Iterator[InitErrorDetails]:
        known = ", ".join(sorted(self.channels)) or "none"
        users: list[tuple[tuple[int | str, ...], tuple[str, ...]]] = [
            (("subscriptions", index), one.channels) for index, one in enumerate(self.subscriptions)
        ]
        if self.operators:
            users.append((("operators",), self.operators.channels))
        for place, names in users:
            for index, name in enumerate(names):
                if name not in self.channels:
                    yield _problem((*place, "channels", index), f"there is no such channel (known: {known})")

    def _named_twice(self) -> Iterator[InitErrorDetails]:
        seen: set[str] = set()
        for index, one in enumerate(self.subscriptions):
            if one.name in seen:
                yield _problem(("subscriptions", index), "another subscription has the same name")
            seen.add(one.name)

    def _shared_secrets(self) -> Iterator[InitErrorDetails]:
        seen: dict[str, str] = {}
        for name, channel in self.channels.items():
            if channel.kind != "email":
                variable = "".join(c if c.isalnum() else "_" for c in name).upper()
                if variable in seen:
                    yield _problem(("channels", name), f"would share its secret with channel {seen[variable]!r}")
                seen[variable] = name

    def named(self, name: str) -> Subscription | None:
        """Find a subscription by its name."""
        return next((one for one in self.subscriptions if one.name == name), None)


def _problem(place: tuple[int | str, ...], words: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("names", "{words}", {"words": words}), loc=place, input=None)


@dataclass(frozen=True)
class Target:
    """One address of one channel: what one delivery goes to. `key` is unique in the file."""

    channel: str
    kind: str
    address: str = ""

    @property
    def key(self) -> str:
        """Name the target without its secret."""
        return f"{self.channel}:{self.address}" if self.address else self.channel


def targets(config: Subscriptions, channels: tuple[str, ...]) -> list[Target]:
    """List each single target of some channels, once."""
    found: dict[str, Target] = {}
    for name in channels:
        channel = config.channels[name]
        for address in channel.to or ("",):
            target = Target(name, channel.kind, address)
            found.setdefault(target.key, target)
    return list(found.values())


def config_path(settings: Settings) -> Path:
    """Say where the file stands."""
    return settings.config / FILE


def read_subscriptions(settings: Settings) -> Subscriptions:
    """Read and check the file; raises ConfigError with the line of each problem."""
    return read_config(config_path(settings), Subscriptions)
