"""A few hashes of each text that may concern us, by which copies of it are found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "ingest"


def upgrade() -> None:
    op.add_column("entry", sa.Column("sketch", ARRAY(sa.Integer)), schema=SCHEMA)
    op.create_index(
        "entry_sketch",
        "entry",
        ["sketch"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("sketch IS NOT NULL"),
    )
