"""What a publisher asks for, how often a feed brings news, dates as written, the same story elsewhere."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "ingest"


def upgrade() -> None:
    op.add_column("feed", sa.Column("skips", JSONB), schema=SCHEMA)
    op.add_column("feed", sa.Column("recent", JSONB), schema=SCHEMA)
    op.add_column("entry", sa.Column("published_text", sa.String), schema=SCHEMA)
    op.add_column("entry", sa.Column("title_key", sa.String(32)), schema=SCHEMA)
    op.add_column("entry", sa.Column("story", sa.String(32)), schema=SCHEMA)
    op.create_index("entry_title", "entry", ["title_key"], schema=SCHEMA)
