"""When this was restored from a backup, and when the notifier first started after it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "restoration",
        sa.Column("at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", moment),
        schema="notifier",
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: what was told cannot be untold")
