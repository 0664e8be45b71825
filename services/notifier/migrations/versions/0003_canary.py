"""The canaries that arrived, and how many there were each day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "notifier"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "canary",
        sa.Column("alert_id", sa.String, primary_key=True),
        sa.Column("published_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("matched_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("taken_at", moment),
        schema=SCHEMA,
    )
    op.create_table(
        "canary_day",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: what was told cannot be untold")
