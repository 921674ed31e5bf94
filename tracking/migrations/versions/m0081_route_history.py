"""Routes keep history: late fixes are judged by the route as it was"""

from alembic import op

revision = "0081_route_history"
down_revision = "0080_roster_marks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT keep_history('route', 'area_code')")
