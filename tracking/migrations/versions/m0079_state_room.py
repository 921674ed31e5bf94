"""Room in the pages of the last states: an update goes beside the row, not into another page and the index"""

from alembic import op

revision = "0079_state_room"
down_revision = "0061_paper_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE device_state SET (fillfactor = 50)")
