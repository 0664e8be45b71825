"""What hubs push, and feeds whose ids cannot be believed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "ingest"


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def upgrade() -> None:
    op.add_column("feed", sa.Column("ids", sa.String), schema=SCHEMA)
    op.add_column("feed", sa.Column("hub", sa.String), schema=SCHEMA)
    op.add_column("feed", sa.Column("topic", sa.String), schema=SCHEMA)
    op.add_column("feed", _moment("pushed_until"), schema=SCHEMA)
    op.create_table(
        "hub_subscription",
        sa.Column("feed_url", sa.String, primary_key=True),
        sa.Column("token", sa.String, nullable=False, unique=True),
        sa.Column("secret", sa.String, nullable=False),
        sa.Column("callback", sa.String, nullable=False),
        sa.Column("hub", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        _moment("lease_until"),
        _moment("pushed_at"),
        sa.Column("error", sa.String),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("hub_subscription", schema=SCHEMA)
    for name in ("pushed_until", "topic", "hub", "ids"):
        op.drop_column("feed", name, schema=SCHEMA)
