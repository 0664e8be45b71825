"""What the notifier keeps: who was told what, every decision with its reason, and every delivery."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA = MetaData(schema="notifier")


def _moment(name: str, *, now: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default)


installation = Table("installation", METADATA, _moment("at", now=True))
"""One row, written by the migration: subscriptions of the first configuration exist since then."""

subscription = Table(
    "subscription",
    METADATA,
    Column("name", String, primary_key=True),
    _moment("since", now=True),
    _moment("removed_at"),
)
"""Since when each subscription exists: it is told from the next version on."""

inbox = Table("inbox", METADATA, Column("alert_id", String, primary_key=True), _moment("received_at", now=True))

told = Table(
    "told",
    METADATA,
    Column("subscription", String, primary_key=True),
    Column("incident_id", String, primary_key=True),
    Column("snapshot", JSONB, nullable=False),
    _moment("told_at", now=True),
)
"""What each subscription was last told of each incident."""

notice = Table(
    "notice",
    METADATA,
    Column("alert_id", String, primary_key=True),
    Column("subscription", String, primary_key=True),
    Column("id", BigInteger, Identity(), nullable=False, unique=True),
    Column("incident_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("tell", String, nullable=False),
    Column("pace", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("message", JSONB),
    Column("list_id", String),
    _moment("at", now=True),
    Index("notice_incident", "incident_id"),
    Index("notice_waiting", "subscription", "id", postgresql_where=text("message IS NOT NULL AND list_id IS NULL")),
)
"""Each decision. `message` is kept where it waits for a fold or summary, `list_id` names that one."""

delivery = Table(
    "delivery",
    METADATA,
    Column("id", String, primary_key=True),
    Column("seq", BigInteger, Identity(), nullable=False, unique=True),
    Column("subject_id", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("subscription", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("address", String, nullable=False),
    Column("target", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("incidents", ARRAY(String), nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("message", JSONB, nullable=False),
    Column("state", String, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("possible_repeat", Boolean, nullable=False, server_default=text("false")),
    _moment("next_try_at", now=True),
    Column("lease_owner", String),
    _moment("lease_until"),
    Column("last_error", String),
    _moment("created_at", now=True),
    _moment("finished_at"),
    _moment("reported_at"),
    UniqueConstraint("subject_id", "subscription", "target", name="delivery_once"),
    Index("delivery_open", "target", "seq", postgresql_where=text("state IN ('queued', 'sending')")),
    Index("delivery_recent", "subscription", "created_at"),
    Index("delivery_incidents", "incidents", postgresql_using="gin"),
    Index("delivery_finished", "channel", "finished_at"),
)
"""One row for each message and target, unique. `seq` is the order in which they were decided.

`subject_id` is the alert, fold, summary or operators' notice that is delivered; `state` one of
queued, sending, sent, unknown (held: it may have arrived), failed (refused), gave_up.
"""

trouble = Table(
    "trouble",
    METADATA,
    Column("key", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("measure", Integer, nullable=False),
    _moment("since", now=True),
    _moment("told_at", now=True),
)
"""The troubles that operators were told of and that are not over yet."""
