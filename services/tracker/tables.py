"""What the tracker keeps: every report, the incidents, their versions, inbox and outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, Index, MetaData, String, Table, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from shared.outbox import outbox_table

METADATA = MetaData(schema="tracker")


def _moment(*, nullable: bool = False, now: bool = False) -> Any:
    default = func.now() if now else None
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, server_default=default))


def _document() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


class TrackerTable(SQLModel):
    """Stand in the tracker's schema."""

    metadata: ClassVar[MetaData] = METADATA


class InboxRow(TrackerTable, table=True):
    """A report that was handled: what is delivered twice changes nothing."""

    __tablename__ = "inbox"

    report_id: str = Field(primary_key=True)
    received_at: datetime = _moment(now=True)


class IncidentRow(TrackerTable, table=True):
    """An incident as it is now.

    `state`: open, closed (an outage with a harmless cause), corrected (nothing supports it any more),
    retracted (by a person). `known` is what matching needs, `words` those by which it is found.
    """

    __tablename__ = "incident"
    __table_args__ = (
        Index("incident_words", "words", postgresql_using="gin"),
        Index("incident_last_published", "last_published"),
        Index("incident_changed", "changed_at"),
    )

    id: str = Field(primary_key=True)
    entry_id: str
    kind: str
    state: str
    version: int
    level: int
    peak: int
    headline: str
    country: str | None = None
    facts: dict[str, Any] = _document()
    known: dict[str, Any] = _document()
    words: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    silent: bool
    first_published: datetime = _moment()
    last_published: datetime = _moment()
    opened_at: datetime = _moment()
    changed_at: datetime = _moment()
    retracted_at: datetime | None = _moment(nullable=True)
    because: str = Field(default="", sa_column_kwargs={"server_default": ""})


class ReportRow(TrackerTable, table=True):
    """A report as it was received, what became of it and why. `stands`: its incident rests on it.

    `appended_at` is when Kafka took it in.
    """

    __tablename__ = "report"

    id: str = Field(primary_key=True)
    entry_id: str
    revision: int
    judged_at: datetime = _moment()
    received_at: datetime = _moment(now=True)
    appended_at: datetime | None = _moment(nullable=True)
    incident: bool
    outage: bool
    level: int
    document: dict[str, Any] = _document()
    incident_id: str | None = Field(default=None, foreign_key="tracker.incident.id")
    stands: bool
    outcome: str
    reason: str
    withdrawn_at: datetime | None = _moment(nullable=True)

    __table_args__ = (Index("report_entry", "entry_id"), Index("report_incident", "incident_id"))


class VersionRow(TrackerTable, table=True):
    """A version of an incident as it was told; `report_id` is the report that brought it."""

    __tablename__ = "incident_version"

    incident_id: str = Field(primary_key=True, foreign_key="tracker.incident.id")
    version: int = Field(primary_key=True)
    alert_id: str = Field(unique=True)
    reason: str
    report_id: str | None = None
    created_at: datetime = _moment()
    alert: dict[str, Any] = _document()


def _table(row: type[TrackerTable]) -> Table:
    return METADATA.tables[f"tracker.{row.__tablename__}"]


# The queries are written in SQLAlchemy's expressions over whole batches: they name the tables so.
inbox = _table(InboxRow)
incident = _table(IncidentRow)
report = _table(ReportRow)
incident_version = _table(VersionRow)
outbox = outbox_table(METADATA)
