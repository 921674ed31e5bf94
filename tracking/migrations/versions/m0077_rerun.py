"""Dead letters that somebody wants decoded again"""

from alembic import op

revision = "0077_rerun"
down_revision = "0065_late_correction"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE dead_letter ADD COLUMN rerun_requested_at timestamptz;
        CREATE INDEX ix_dead_letter_rerun ON dead_letter (id) WHERE rerun_requested_at IS NOT NULL;
        """
    )
