"""Silences: incidents that somebody wants to hear no more of."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "notifier"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "silence",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("incident_id", sa.String, nullable=False),
        sa.Column("subscription", sa.String, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("headline", sa.String, nullable=False),
        sa.Column("because", sa.String, nullable=False),
        sa.Column("at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("until", moment),
        sa.Column("ended_at", moment),
        sa.Column("ended", sa.String),
        schema=SCHEMA,
    )
    op.create_index(
        "silence_in_force",
        "silence",
        ["incident_id", "subscription"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: what was told cannot be untold")
