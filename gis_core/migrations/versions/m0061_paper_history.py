"""History of approval papers: who added or took one away, and why"""

from alembic import op

revision = "0061_paper_history"
down_revision = "0077_rerun"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT keep_history('zone_attachment')")
