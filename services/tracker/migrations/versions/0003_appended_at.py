"""When Kafka took in each report: `codegrey trace` and the histograms of the road's steps."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "tracker"


def upgrade() -> None:
    op.add_column("report", sa.Column("appended_at", sa.DateTime(timezone=True)), schema=SCHEMA)
