from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "tracker"


def _moment(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[object]:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("report_id", sa.String, primary_key=True),
        _moment("received_at", now=True),
        schema=SCHEMA,
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("entry_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("peak", sa.Integer, nullable=False),
        sa.Column("headline", sa.String, nullable=False),
        sa.Column("country", sa.String),
        sa.Column("facts", postgresql.JSONB, nullable=False),
        sa.Column("known", postgresql.JSONB, nullable=False),
        sa.Column("words", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("silent", sa.Boolean, nullable=False),
        _moment("first_published"),
        _moment("last_published"),
        _moment("opened_at"),
        _moment("changed_at"),
        _moment("retracted_at", nullable=True),
        sa.Column("because", sa.String, nullable=False, server_default=""),
        schema=SCHEMA,
    )
    op.create_index("incident_words", "incident", ["words"], schema=SCHEMA, postgresql_using="gin")
    op.create_index("incident_last_published", "incident", ["last_published"], schema=SCHEMA)
    op.create_index("incident_changed", "incident", ["changed_at"], schema=SCHEMA)
    op.create_table(
        "report",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("entry_id", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        _moment("judged_at"),
        _moment("received_at", now=True),
        sa.Column("incident", sa.Boolean, nullable=False),
        sa.Column("outage", sa.Boolean, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("document", postgresql.JSONB, nullable=False),
        sa.Column("incident_id", sa.String, sa.ForeignKey(f"{SCHEMA}.incident.id")),
        sa.Column("stands", sa.Boolean, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        _moment("withdrawn_at", nullable=True),
        schema=SCHEMA,
    )
    op.create_index("report_entry", "report", ["entry_id"], schema=SCHEMA)
    op.create_index("report_incident", "report", ["incident_id"], schema=SCHEMA)
    op.create_table(
        "incident_version",
        sa.Column("incident_id", sa.String, sa.ForeignKey(f"{SCHEMA}.incident.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("alert_id", sa.String, nullable=False, unique=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("report_id", sa.String),
        _moment("created_at"),
        sa.Column("alert", postgresql.JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("headers", postgresql.JSONB, nullable=False),
        _moment("created_at", now=True),
        _moment("published_at", nullable=True),
        _moment("refused_at", nullable=True),
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


def downgrade() -> None:
    for table in ("outbox", "incident_version", "report", "incident", "inbox"):
        op.drop_table(table, schema=SCHEMA)
