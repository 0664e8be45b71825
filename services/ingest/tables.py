"""What ingest keeps: the state of each feed, every entry as published, and the outbox."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.outbox import outbox_table

METADATA = MetaData(schema="ingest")


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


feed = Table(
    "feed",
    METADATA,
    # The configured address, for ever: a feed that moved keeps its entries' identity.
    Column("url", String, primary_key=True),
    Column("config", JSONB, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("title", String),
    Column("language", String),
    Column("moved_to", String),
    Column("etag", String),
    Column("last_modified", String),
    Column("validator_url", String),
    Column("body_hash", String),
    Column("ttl_s", Integer, nullable=False, server_default=text("0")),
    # Hours and days in which its publisher wants no polls; and in which hours it brought how much.
    Column("skips", JSONB(none_as_null=True)),
    Column("recent", JSONB(none_as_null=True)),
    # Why its entries' ids cannot be believed (`decide.Ids`); who would push it; until when pushes are relied on.
    Column("ids", String),
    Column("hub", String),
    Column("topic", String),
    _moment("pushed_until"),
    Column("next_poll_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("next_poll_reason", String),
    _moment("last_poll_at"),
    _moment("last_success_at"),
    _moment("last_new_at"),
    Column("last_status", Integer),
    Column("last_error", String),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    _moment("ended_at"),
    Column("entries", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_owner", String),
    _moment("lease_until"),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("feed_due", "next_poll_at", postgresql_where=text("active AND ended_at IS NULL")),
)

entry = Table(
    "entry",
    METADATA,
    Column("entry_id", String(32), nullable=False),
    Column("revision", Integer, nullable=False),
    # Null where the entry was seen but not published; `reason` says why.
    Column("item_id", String(32)),
    Column("feed_url", String, nullable=False),
    Column("guid", String, nullable=False),
    Column("url", String),
    Column("link_key", String),
    Column("title", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("text", String, nullable=False),
    Column("language", String),
    _moment("published"),
    Column("published_text", String),
    # What a headline shares with its other spellings, and a text with its copies; who of another feed told it first.
    Column("title_key", String(32)),
    Column("sketch", ARRAY(Integer)),
    Column("story", String(32)),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False),
    Column("content_hash", String(32), nullable=False),
    Column("arrival", String, nullable=False),
    Column("reason", String, nullable=False),
    PrimaryKeyConstraint("entry_id", "revision"),
    Index("entry_link", "link_key"),
    Index("entry_title", "title_key"),
    Index("entry_sketch", "sketch", postgresql_using="gin", postgresql_where=text("sketch IS NOT NULL")),
    Index("entry_words", "feed_url", "content_hash"),
    Index("entry_oldest", "feed_url", "stored_at"),
)

# What a hub was asked for, and the secrets that prove its pushes. `state` is one of `hub.State`.
hub_subscription = Table(
    "hub_subscription",
    METADATA,
    Column("feed_url", String, primary_key=True),
    Column("token", String, nullable=False, unique=True),
    Column("secret", String, nullable=False),
    Column("callback", String, nullable=False),
    Column("hub", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("state", String, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    _moment("lease_until"),
    _moment("pushed_at"),
    Column("error", String),
)

config_state = Table(
    "config_state",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("contact", String, nullable=False, server_default=text("''")),
    Column("problem", String),
    Column("read_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

outbox = outbox_table(METADATA)
