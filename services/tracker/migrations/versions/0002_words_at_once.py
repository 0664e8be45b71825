"""Write the words of an incident into their index at once; add the marks of its countries.

GIN otherwise keeps them in a list that every search reads through: with some hundred new incidents in it,
that took longer than all else that a batch does.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


MARK_COUNTRIES = """
UPDATE tracker.incident SET words = words || CASE
    WHEN jsonb_path_exists(known, '$.victims[*].country ? (@ != null)') THEN ARRAY(
        SELECT DISTINCT '@' || (victim ->> 'country') FROM jsonb_array_elements(known -> 'victims') AS victim
        WHERE victim ->> 'country' IS NOT NULL)
    ELSE ARRAY['@'] END
"""


def upgrade() -> None:
    op.execute(MARK_COUNTRIES)
    op.execute("ALTER INDEX tracker.incident_words SET (fastupdate = off)")


def downgrade() -> None:
    op.execute("ALTER INDEX tracker.incident_words RESET (fastupdate)")
