"""The three events that travel the road: `NewsItem`, `Report` and `Alert`.

Every event is a frozen model. New fields are added with a default, so that messages kept
from earlier versions stay readable; fields are never renamed or removed within a version.
Unknown fields are ignored, so that an older reader copes with a newer writer.
Times are UTC. Ids are deterministic (`shared.ids`).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.ids import stable_id
from shared.limits import MAX_TEXT
from shared.signals import Certainty, Scope, Status

__all__ = [
    "MAX_TEXT",
    "Alert",
    "AlertReason",
    "Arrival",
    "Certainty",
    "Change",
    "CitedEvidence",
    "Event",
    "Evidence",
    "Facts",
    "NewsItem",
    "Report",
    "Scope",
    "Source",
    "Status",
    "Victim",
]

MAX_COUNT = 2**31 - 1
"""The largest number that a column of ours holds."""

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


def _without_nul(text: str) -> str:
    """No database holds a NUL, and no reader needs one."""
    return text.replace("\x00", "\ufffd")


Text = Annotated[str, AfterValidator(_without_nul)]
Short = Annotated[Text, StringConstraints(max_length=2_000)]
Level = Annotated[int, Field(ge=0, le=5)]


class Arrival(StrEnum):
    """How an item came to be read: news as it happens, or a backlog that must not become a storm."""

    LIVE = "live"
    FIRST_CONTACT = "first_contact"
    CATCH_UP = "catch_up"


class Event(BaseModel):
    """Be a frozen message with a type, a version and a key."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    type_name: ClassVar[str]
    schema_version: ClassVar[int] = 1

    def key(self) -> str:
        """Return the Kafka message key, which decides the partition."""
        raise NotImplementedError


class NewsItem(Event):
    """An entry of a feed, or a revision of it, as ingest read it."""

    type_name: ClassVar[str] = "codegrey.news.item"

    id: Id
    entry_id: Id
    feed: Short
    source: Short = ""
    url: Short | None = None
    title: Annotated[Text, StringConstraints(max_length=4_000)] = ""
    summary: Annotated[Text, StringConstraints(max_length=MAX_TEXT)] = ""
    text: Annotated[Text, StringConstraints(max_length=MAX_TEXT)] = ""
    language: Annotated[str, StringConstraints(max_length=35)] | None = None
    country: Country | None = None
    claims_by_attackers: bool = False
    official: bool = False
    """The word of an authority, or of the victim itself: whoever configured its source says so."""
    published: AwareDatetime | None = None
    first_seen: AwareDatetime
    revision: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    arrival: Arrival = Arrival.LIVE
    story: Id | None = None
    """The entry of another feed that told the same story first; None where this one did, or nobody knows."""

    def key(self) -> str:
        """Keep the revisions of one entry in order."""
        return self.entry_id

    @staticmethod
    def make_id(entry_id: str, *content: str) -> str:
        """Derive an item's id from its entry and its content."""
        return stable_id("item", entry_id, *content)


class Victim(BaseModel):
    """Who was hit: the name as written, its normalised form, place and ISO 3166-1 alpha-2 country."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Short
    normalised: Short = ""
    place: Short | None = None
    country: Country | None = None


class Evidence(BaseModel):
    """A signal with its quoted span: `field[start:end] == quote` in the item's title or text.

    `used` is false where the span was read but set aside (negated, hypothetical, about
    another victim); `why` says so in words.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    signal: Short
    quote: Short
    start: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] = 0
    field: Literal["title", "text"] = "text"
    used: bool = True
    why: Short = ""


class Facts(BaseModel):
    """What one report, or one incident, states about an attack."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    victims: tuple[Victim, ...] = ()
    suppliers: tuple[Short, ...] = ()
    attacker: Short | None = None
    attack_date: date | None = None
    data: Literal["unknown", "none", "stolen", "published"] = "unknown"
    ransom: Literal["unknown", "demanded", "paid", "refused", "none"] = "unknown"
    sites: Annotated[int, Field(ge=0)] | None = None
    certainty: Certainty = Certainty.REPORTED
    status: Status = Status.UNKNOWN
    scope: Scope = Scope.UNKNOWN
    diverting_sites: Annotated[int, Field(ge=0)] | None = None
    sites_down: Annotated[int, Field(ge=0)] | None = None
    supplier_customers: bool = False
    disrupted_days: Annotated[int, Field(ge=0)] | None = None
    published_by_attacker_only: bool = False
    """The last five are what `shared.severity` asks beside the signals; None is unknown, never none."""


class Report(Event):
    """The classifier's verdict on one item; it supersedes earlier reports on the same entry."""

    type_name: ClassVar[str] = "codegrey.report"

    id: Id
    item_id: Id
    entry_id: Id
    judge_version: Short
    judged_at: AwareDatetime
    feed: Short
    source: Short = ""
    url: Short | None = None
    title: Annotated[Text, StringConstraints(max_length=4_000)] = ""
    language: Short | None = None
    published: AwareDatetime | None = None
    first_seen: AwareDatetime
    revision: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    arrival: Arrival = Arrival.LIVE
    incident: bool
    outage: bool = False
    confidence: Annotated[float, Field(ge=0, le=1)]
    level: Level
    facts: Facts = Facts()
    evidence: tuple[Evidence, ...] = ()
    reason: Short = ""
    would_be: Level | None = None
    impact_unknown: bool = False
    item_appended_at: AwareDatetime | None = None
    """When Kafka took in the item that was judged."""
    story: Id | None = None
    """The entry of another feed that told the same story first; None where this one did, or nobody knows."""

    def seen_at(self) -> datetime | None:
        """Return when what was judged was first seen; of an edited entry, when Kafka took it in."""
        return self.first_seen if self.revision == 1 else self.item_appended_at

    def key(self) -> str:
        """Key by country, so that reports of one attack mostly meet in one partition."""
        countries = [victim.country for victim in self.facts.victims if victim.country]
        return countries[0] if countries else "??"

    @staticmethod
    def make_id(item_id: str, judge_version: str) -> str:
        """Derive a report's id from what was judged and by which judge."""
        return stable_id("report", item_id, judge_version)


class AlertReason(StrEnum):
    """Why there is a new version of an incident."""

    OPENED = "opened"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    UPDATED = "updated"
    LOWERED = "lowered"
    CORRECTED = "corrected"
    CLOSED = "closed"
    RETRACTED = "retracted"


class Source(BaseModel):
    """One published report that an incident rests on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: Short | None = None
    source: Short = ""
    title: Short = ""
    language: Short | None = None
    published: AwareDatetime | None = None
    entry_id: Id


class CitedEvidence(BaseModel):
    """A quoted span, with the source it stands in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    signal: Short
    words: Short = ""
    level: Level = 0
    quote: Short
    url: Short | None = None
    source: Short = ""


class Change(BaseModel):
    """What differs from the version before, in words for a reader."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: Short
    before: Short = ""
    after: Short = ""


class Alert(Event):
    """A version of an incident: a full snapshot with the reason for it."""

    type_name: ClassVar[str] = "codegrey.alert"

    id: Id
    incident_id: Id
    version: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    reason: AlertReason
    created_at: AwareDatetime
    kind: Literal["incident", "outage"] = "incident"
    headline: Short
    level: Level
    peak: Level
    cap: Short = "Unknown"
    impact_unknown: bool = False
    would_be: Level | None = None
    grade_reason: Short = ""
    facts: Facts = Facts()
    evidence: tuple[CitedEvidence, ...] = ()
    sources: tuple[Source, ...] = ()
    changes: tuple[Change, ...] = ()
    opened_at: AwareDatetime
    first_published: AwareDatetime | None = None
    entry_id: Id
    silent: bool = False
    arrival: Arrival = Arrival.LIVE
    note: Short = ""
    seen_at: AwareDatetime | None = None
    """When the item that brought this version was first seen; None where a person brought it."""
    independent_sources: Annotated[int, Field(ge=0, le=MAX_COUNT)] | None = None
    """How many of the sources tell of their own accord: copies of one story count once. None: nobody counted."""

    canary: bool = False
    """No incident: it proves the road (`shared.canary`). Nobody is told of it."""

    def key(self) -> str:
        """Keep an incident's versions in order."""
        return self.incident_id

    @staticmethod
    def make_id(incident_id: str, version: int) -> str:
        """Derive an alert's id from the incident and its version."""
        return stable_id("alert", incident_id, version)
