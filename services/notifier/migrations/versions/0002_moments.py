"""When Kafka took in each alert, when a send began, and when what is told of was published and seen."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "notifier"


def upgrade() -> None:
    op.add_column("inbox", sa.Column("appended_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    for column in ("item_published_at", "item_seen_at", "sending_at"):
        op.add_column("delivery", sa.Column(column, sa.DateTime(timezone=True)), schema=SCHEMA)
