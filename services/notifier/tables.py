"""What the notifier keeps: who was told what, every decision with its reason, and every delivery."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

METADATA = MetaData(schema="notifier")


def _moment(*, now: bool = False) -> Any:
    default = func.now() if now else None
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=not now, server_default=default))


def _number() -> Any:
    return Field(default=None, sa_column=Column(BigInteger, Identity(), nullable=False, unique=True))


def _count() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": "0"})


class NotifierTable(SQLModel):
    """Stand in the notifier's schema."""

    metadata: ClassVar[MetaData] = METADATA


installation = Table(
    "installation", METADATA, Column("at", DateTime(timezone=True), nullable=False, server_default=func.now())
)
"""One row, written by the migration: subscriptions of the first configuration exist since then."""


restoration = Table(
    "restoration",
    METADATA,
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("started_at", DateTime(timezone=True)),
)
"""One row where this was restored from a backup: when, and when the notifier first started after it."""


class SubscriptionRow(NotifierTable, table=True):
    """Since when each subscription exists: it is told from the next version on."""

    __tablename__ = "subscription"

    name: str = Field(primary_key=True)
    since: datetime = _moment(now=True)
    removed_at: datetime | None = _moment()


class InboxRow(NotifierTable, table=True):
    """An alert that was matched, and when Kafka took it in: what is delivered twice changes nothing."""

    __tablename__ = "inbox"

    alert_id: str = Field(primary_key=True)
    received_at: datetime = _moment(now=True)
    appended_at: datetime | None = _moment()


class ToldRow(NotifierTable, table=True):
    """What each subscription was last told of each incident."""

    __tablename__ = "told"

    subscription: str = Field(primary_key=True)
    incident_id: str = Field(primary_key=True)
    snapshot: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    told_at: datetime = _moment(now=True)


class NoticeRow(NotifierTable, table=True):
    """Each decision. `message` is kept where it waits for a fold or summary, `list_id` names that one."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_incident", "incident_id"),
        Index("notice_waiting", "subscription", "id", postgresql_where=text("message IS NOT NULL AND list_id IS NULL")),
    )

    alert_id: str = Field(primary_key=True)
    subscription: str = Field(primary_key=True)
    id: int = _number()
    incident_id: str
    version: int
    tell: str
    pace: str
    reason: str
    correlation_id: str
    # None must be NULL, not JSON's null: what waits is found by IS NOT NULL.
    message: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    list_id: str | None = None
    at: datetime = _moment(now=True)


class DeliveryRow(NotifierTable, table=True):
    """One row for each message and target, unique. `seq` is the order in which they were decided.

    `subject_id` is the alert, fold, summary or operators' notice that is delivered; `state` one of
    queued, sending, sent, unknown (held: it may have arrived), failed (refused), gave_up. `sending_at` is when the
    last attempt began, the two `item_` moments are those of the item that brought what is told.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subject_id", "subscription", "target", name="delivery_once"),
        Index("delivery_open", "target", "seq", postgresql_where=text("state IN ('queued', 'sending')")),
        Index("delivery_recent", "subscription", "created_at"),
        Index("delivery_incidents", "incidents", postgresql_using="gin"),
        Index("delivery_finished", "channel", "finished_at"),
    )

    id: str = Field(primary_key=True)
    seq: int = _number()
    subject_id: str
    purpose: str
    subscription: str
    channel: str
    kind: str
    address: str
    target: str
    level: int
    incidents: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    correlation_id: str
    message: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(default="queued", sa_column_kwargs={"server_default": "queued"})
    attempts: int = _count()
    repeats: int = _count()
    possible_repeat: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    next_try_at: datetime = _moment(now=True)
    lease_owner: str | None = None
    lease_until: datetime | None = _moment()
    last_error: str | None = None
    created_at: datetime = _moment(now=True)
    sending_at: datetime | None = _moment()
    finished_at: datetime | None = _moment()
    item_published_at: datetime | None = _moment()
    item_seen_at: datetime | None = _moment()
    reported_at: datetime | None = _moment()


class SilenceRow(NotifierTable, table=True):
    """A silence on an incident: for one subscription, or (no name) for all.

    `level` is what the incident stood at; `ended_at` is when it was broken or taken back, and `ended` says which.
    """

    __tablename__ = "silence"
    __table_args__ = (
        Index(
            "silence_in_force", "incident_id", "subscription", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    incident_id: str
    subscription: str
    level: int
    headline: str
    because: str
    at: datetime = _moment(now=True)
    until: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    ended: str | None = None


class TroubleRow(NotifierTable, table=True):
    """A trouble that operators were told of and that is not over yet."""

    __tablename__ = "trouble"

    key: str = Field(primary_key=True)
    title: str
    measure: int
    since: datetime = _moment(now=True)
    told_at: datetime = _moment(now=True)


class CanaryRow(NotifierTable, table=True):
    """A canary: when it was published, matched, and taken by the sink. Kept for a day."""

    __tablename__ = "canary"

    alert_id: str = Field(primary_key=True)
    published_at: datetime = _moment(now=True)
    matched_at: datetime = _moment(now=True)
    taken_at: datetime | None = _moment()


class CanaryDayRow(NotifierTable, table=True):
    """How many canaries were matched on a day (UTC): they are no news, and must not be counted as such."""

    __tablename__ = "canary_day"

    day: date = Field(primary_key=True)
    count: int


def _table(row: type[NotifierTable]) -> Table:
    return METADATA.tables[f"notifier.{row.__tablename__}"]


# The queries are written in SQLAlchemy's expressions over whole batches: they name the tables so.
subscription = _table(SubscriptionRow)
inbox = _table(InboxRow)
told = _table(ToldRow)
notice = _table(NoticeRow)
delivery = _table(DeliveryRow)
silence = _table(SilenceRow)
trouble = _table(TroubleRow)
canary = _table(CanaryRow)
canary_day = _table(CanaryDayRow)
