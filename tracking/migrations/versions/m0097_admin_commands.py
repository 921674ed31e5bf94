"""Who registers devices may send them commands: that is how one sees that a new one answers"""

from alembic import op

revision = "0097_admin_commands"
down_revision = "0096_track_pieces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        UPDATE role SET permissions = permissions || ARRAY['units.command']
         WHERE key = 'admin' AND NOT 'units.command' = ANY (permissions)
        """
    )
