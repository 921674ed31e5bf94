"""Tables are located within the areas of who had it done: codes of grids and components elsewhere stay unfound"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0099_geocode_table_areas"
down_revision = "0098_gazetteer_no_geom_index"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("geocode_table", sa.Column("areas", ARRAY(sa.Text()), nullable=True))
