"""History of what responsibility grids are made of and who answers for them; a layer of their names"""

import sqlalchemy as sa
from alembic import op

revision = "0060_duty_history"
down_revision = "0071_device_clock"
branch_labels = None
depends_on = None

TABLES = ("responsibility_grid_unit", "responsibility_grid_person")

LABELS = """
-- One point a grid, so that a name is drawn once and not in every tile the grid reaches into.
CREATE VIEW publish.responsibility_grid_label AS
SELECT id, code, name, name_en, area_code, ST_PointOnSurface(geom) AS geom FROM publish.responsibility_grid;
INSERT INTO layer (key, view, title, title_en, geometry, min_zoom, max_zoom, properties, permission, scoped,
                   sort_order, relation)
SELECT 'responsibility_grid_label', 'responsibility_grid_label', '责任网格名称', 'Responsibility grid names',
       'point', 12, 15, '["code", "name", "name_en"]', permission, scoped, sort_order, relation
  FROM layer WHERE key = 'responsibility_grid';
INSERT INTO layer_version (key) VALUES ('responsibility_grid_label');
"""


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("id", sa.Integer(), sa.Identity(), nullable=False))
        op.create_unique_constraint(op.f(f"uq_{table}_id"), table, ["id"])
        op.execute(f"SELECT keep_history('{table}')")
    # What was taken away from a grid is found by the grid.
    op.create_index(
        "ix_edit_row_duty",
        "edit_row",
        [sa.text("(content ->> 'responsibility_grid_id')")],
        postgresql_where=sa.text("jsonb_exists(content, 'responsibility_grid_id')"),
    )
    op.execute(LABELS)
