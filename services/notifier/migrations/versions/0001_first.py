from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "notifier"


def _moment(name: str, *, now: bool = False) -> sa.Column[object]:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=default)


def upgrade() -> None:
    op.create_table("installation", _moment("at", now=True), schema=SCHEMA)
    op.execute(f"INSERT INTO {SCHEMA}.installation DEFAULT VALUES")
    op.create_table(
        "subscription",
        sa.Column("name", sa.String, primary_key=True),
        _moment("since", now=True),
        _moment("removed_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "inbox",
        sa.Column("alert_id", sa.String, primary_key=True),
        _moment("received_at", now=True),
        schema=SCHEMA,
    )
    op.create_table(
        "told",
        sa.Column("subscription", sa.String, primary_key=True),
        sa.Column("incident_id", sa.String, primary_key=True),
        sa.Column("snapshot", postgresql.JSONB, nullable=False),
        _moment("told_at", now=True),
        schema=SCHEMA,
    )
    op.create_table(
        "notice",
        sa.Column("alert_id", sa.String, primary_key=True),
        sa.Column("subscription", sa.String, primary_key=True),
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False, unique=True),
        sa.Column("incident_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("tell", sa.String, nullable=False),
        sa.Column("pace", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("correlation_id", sa.String, nullable=False),
        sa.Column("message", postgresql.JSONB),
        sa.Column("list_id", sa.String),
        _moment("at", now=True),
        schema=SCHEMA,
    )
    op.create_index("notice_incident", "notice", ["incident_id"], schema=SCHEMA)
    op.create_index(
        "notice_waiting",
        "notice",
        ["subscription", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("message IS NOT NULL AND list_id IS NULL"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.BigInteger, sa.Identity(), nullable=False, unique=True),
        sa.Column("subject_id", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("subscription", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("incidents", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("correlation_id", sa.String, nullable=False),
        sa.Column("message", postgresql.JSONB, nullable=False),
        sa.Column("state", sa.String, nullable=False, server_default="queued"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
        sa.Column("possible_repeat", sa.Boolean, nullable=False, server_default=sa.text("false")),
        _moment("next_try_at", now=True),
        sa.Column("lease_owner", sa.String),
        _moment("lease_until"),
        sa.Column("last_error", sa.String),
        _moment("created_at", now=True),
        _moment("finished_at"),
        _moment("reported_at"),
        sa.UniqueConstraint("subject_id", "subscription", "target", name="delivery_once"),
        schema=SCHEMA,
    )
    op.create_index(
        "delivery_open",
        "delivery",
        ["target", "seq"],
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index("delivery_recent", "delivery", ["subscription", "created_at"], schema=SCHEMA)
    op.create_index("delivery_incidents", "delivery", ["incidents"], schema=SCHEMA, postgresql_using="gin")
    op.create_index("delivery_finished", "delivery", ["channel", "finished_at"], schema=SCHEMA)
    op.create_table(
        "trouble",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("measure", sa.Integer, nullable=False),
        _moment("since", now=True),
        _moment("told_at", now=True),
        schema=SCHEMA,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: what was told cannot be untold")
