"""What the tracker keeps: every report, the incidents, their versions, inbox and outbox."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.outbox import outbox_table

METADATA = MetaData(schema="tracker")


def _moment(name: str, *, nullable: bool = False, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=func.now() if now else None)


inbox = Table("inbox", METADATA, Column("report_id", String, primary_key=True), _moment("received_at", now=True))
"""The reports that were handled: what is delivered twice changes nothing."""

incident = Table(
    "incident",
    METADATA,
    Column("id", String, primary_key=True),
    Column("entry_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("peak", Integer, nullable=False),
    Column("headline", String, nullable=False),
    Column("country", String),
    Column("facts", JSONB, nullable=False),
    Column("known", JSONB, nullable=False),
    Column("words", ARRAY(String), nullable=False),
    Column("silent", Boolean, nullable=False),
    _moment("first_published"),
    _moment("last_published"),
    _moment("opened_at"),
    _moment("changed_at"),
    _moment("retracted_at", nullable=True),
    Column("because", String, nullable=False, server_default=""),
    Index("incident_words", "words", postgresql_using="gin"),
    Index("incident_last_published", "last_published"),
    Index("incident_changed", "changed_at"),
)
"""`state`: open, closed (an outage with a harmless cause), corrected (nothing supports it any more),
retracted (by a person). `known` is what matching needs, `words` those by which it is found."""

report = Table(
    "report",
    METADATA,
    Column("id", String, primary_key=True),
    Column("entry_id", String, nullable=False),
    Column("revision", Integer, nullable=False),
    _moment("judged_at"),
    _moment("received_at", now=True),
    Column("incident", Boolean, nullable=False),
    Column("outage", Boolean, nullable=False),
    Column("level", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("incident_id", String, ForeignKey("tracker.incident.id")),
    Column("stands", Boolean, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    _moment("withdrawn_at", nullable=True),
    Index("report_entry", "entry_id"),
    Index("report_incident", "incident_id"),
)
"""Each report as it was received, what became of it and why. `stands`: its incident rests on it."""

incident_version = Table(
    "incident_version",
    METADATA,
    Column("incident_id", String, ForeignKey("tracker.incident.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("alert_id", String, nullable=False, unique=True),
    Column("reason", String, nullable=False),
    Column("report_id", String),
    _moment("created_at"),
    Column("alert", JSONB, nullable=False),
)
"""Every version as it was told; `report_id` is the report that brought it."""

outbox = outbox_table(METADATA)
