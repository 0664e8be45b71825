"""Find the oldest entries of a feed, which are let go of after a while."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("entry_oldest", "entry", ["feed_url", "stored_at"], schema="ingest")


def downgrade() -> None:
    op.drop_index("entry_oldest", "entry", schema="ingest")
