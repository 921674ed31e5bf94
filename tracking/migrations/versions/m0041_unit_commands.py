"""Operators and dispatchers may send commands to units"""

from alembic import op

revision = "0041_unit_commands"
down_revision = "0040_device_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        UPDATE role SET permissions = permissions || ARRAY['units.command']
         WHERE key IN ('operator', 'dispatcher') AND NOT 'units.command' = ANY (permissions)
        """
    )
