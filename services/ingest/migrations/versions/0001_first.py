"""Feeds, entries, the configuration's state and the outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "ingest"


def _moment(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("url", sa.String, primary_key=True),
        sa.Column("config", JSONB, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("title", sa.String),
        sa.Column("language", sa.String),
        sa.Column("moved_to", sa.String),
        sa.Column("etag", sa.String),
        sa.Column("last_modified", sa.String),
        sa.Column("validator_url", sa.String),
        sa.Column("body_hash", sa.String),
        sa.Column("ttl_s", sa.Integer, nullable=False, server_default=sa.text("0")),
        _moment("next_poll_at", nullable=False, server_default=sa.func.now()),
        sa.Column("next_poll_reason", sa.String),
        _moment("last_poll_at"),
        _moment("last_success_at"),
        _moment("last_new_at"),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.String),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        _moment("ended_at"),
        sa.Column("entries", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("lease_owner", sa.String),
        _moment("lease_until"),
        _moment("added_at", nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_index(
        "feed_due",
        "feed",
        ["next_poll_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("active AND ended_at IS NULL"),
    )
    op.create_table(
        "entry",
        sa.Column("entry_id", sa.String(32), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("item_id", sa.String(32)),
        sa.Column("feed_url", sa.String, nullable=False),
        sa.Column("guid", sa.String, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("link_key", sa.String),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("summary", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("language", sa.String),
        _moment("published"),
        _moment("first_seen", nullable=False),
        _moment("stored_at", nullable=False),
        sa.Column("content_hash", sa.String(32), nullable=False),
        sa.Column("arrival", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "revision"),
        schema=SCHEMA,
    )
    op.create_index("entry_link", "entry", ["link_key"], schema=SCHEMA)
    op.create_index("entry_words", "entry", ["feed_url", "content_hash"], schema=SCHEMA)
    op.create_table(
        "config_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("contact", sa.String, nullable=False, server_default=sa.text("''")),
        sa.Column("problem", sa.String),
        _moment("read_at", nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        _moment("created_at", nullable=False, server_default=sa.func.now()),
        _moment("published_at"),
        _moment("refused_at"),
        sa.Column("error", sa.String),
        schema=SCHEMA,
    )
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["id"],
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NULL AND refused_at IS NULL"),
    )
