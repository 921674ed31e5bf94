"""Restored days of the archive; dead letters that were run again"""

from alembic import op

revision = "0076_archive"
down_revision = "0073_roster_follows_grid"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE settled_day ADD COLUMN restored_at timestamptz;
        ALTER TABLE dead_letter
          ADD COLUMN rerun_at timestamptz,
          ADD COLUMN rerun_fixes integer,
          ADD COLUMN rerun_reason varchar;
        CREATE INDEX ix_dead_letter_device_key ON dead_letter (device_key, id);
        """
    )
