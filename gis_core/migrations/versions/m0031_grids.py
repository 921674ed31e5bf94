"""Drafts of unit grids, the ledger of their codes, patrol points and routes"""

import json

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0031_grids"
down_revision = "0030_edit_history"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- The next codes of a community, in order; the counter's row lock makes writers wait for each other.
-- Answers the last sequence number taken: the caller refuses when it has too many digits.
CREATE FUNCTION issue_unit_grid_codes(community text, code_digits int, how_many int) RETURNS int
LANGUAGE sql AS $$
  WITH taken AS (
    INSERT INTO unit_grid_counter AS c (community_code, digits, last) VALUES ($1, $2, $3)
        ON CONFLICT (community_code, digits) DO UPDATE SET last = c.last + $3
    RETURNING last
  ), noted AS (
    INSERT INTO unit_grid_code (code, community_code, digits, sequence)
    SELECT $1 || lpad(n::text, $2 - 12, '0'), $1, $2, n
      FROM taken, generate_series(last - $3 + 1, last) AS n
     WHERE length(last::text) <= $2 - 12
  )
  SELECT last FROM taken;
$$;

-- Codes that come with imported or drawn cells are used too.
CREATE FUNCTION note_unit_grid_codes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unit_grid_code (code, community_code, digits, sequence)
  SELECT code, left(code, 12), length(code), substr(code, 13)::int FROM new_rows
      ON CONFLICT DO NOTHING;
  INSERT INTO unit_grid_counter AS c (community_code, digits, last)
  SELECT left(code, 12), length(code), max(substr(code, 13)::int) FROM new_rows GROUP BY 1, 2 ORDER BY 1, 2
      ON CONFLICT (community_code, digits) DO UPDATE SET last = excluded.last WHERE c.last < excluded.last;
  RETURN NULL;
END $$;

CREATE TRIGGER note_codes AFTER INSERT ON unit_grid REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION note_unit_grid_codes();

-- A withdrawn code never comes back, not even by undoing the withdrawal.
CREATE FUNCTION refuse_unit_grid_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'unit grid % was withdrawn on %', OLD.code, OLD.change_date
    USING ERRCODE = 'check_violation', CONSTRAINT = 'unit_grid_withdrawn_for_good', TABLE = 'unit_grid';
END $$;

CREATE TRIGGER stay_withdrawn BEFORE UPDATE OF change_date ON unit_grid FOR EACH ROW
  WHEN (OLD.change_date IS NOT NULL AND NEW.change_date IS NULL) EXECUTE FUNCTION refuse_unit_grid_return();

INSERT INTO unit_grid_code (code, community_code, digits, sequence)
SELECT code, left(code, 12), length(code), substr(code, 13)::int FROM unit_grid;
INSERT INTO unit_grid_counter (community_code, digits, last)
SELECT community_code, digits, max(sequence) FROM unit_grid_code GROUP BY 1, 2;
"""

VIEWS = """
CREATE VIEW publish.grid_draft_cell AS
SELECT c.id, c.draft_id, c.area_m2, c.wet, c.community_code AS area_code, c.geom
  FROM grid_draft_cell c JOIN grid_draft d ON d.id = c.draft_id
 WHERE c.removed_in IS NULL AND d.state = 'open';

CREATE VIEW publish.grid_draft_issue AS
SELECT i.id, i.draft_id, i.kind, i.measure, i.community_code AS area_code, i.geom
  FROM grid_draft_issue i JOIN grid_draft d ON d.id = i.draft_id
 WHERE d.state = 'open';

CREATE VIEW publish.patrol_point AS
SELECT p.id, p.responsibility_grid_id, p.name, p.name_en, p.area_code, p.geom
  FROM patrol_point p JOIN publish.responsibility_grid g ON g.id = p.responsibility_grid_id;

CREATE VIEW publish.patrol_route AS
SELECT r.id, r.responsibility_grid_id, r.name, r.name_en, r.length_m, r.area_code, r.geom
  FROM patrol_route r JOIN publish.responsibility_grid g ON g.id = r.responsibility_grid_id;
"""

LAYERS = [
    # key, title, title_en, geometry, min_zoom, max_zoom, properties, permission, order
    (
        "grid_draft_cell", "网格草案", "Grid draft", "polygon", 12, 17,
        ["draft_id", "area_m2", "wet", "area_code"], "city.edit", 33,
    ),
    (
        "grid_draft_issue", "网格草案问题", "Grid draft issues", "point", 10, 17,
        ["draft_id", "kind", "measure", "area_code"], "city.edit", 34,
    ),
    (
        "patrol_route", "巡查路线", "Patrol routes", "line", 12, 16,
        ["responsibility_grid_id", "name", "name_en", "length_m"], "map.view", 35,
    ),
    (
        "patrol_point", "巡查点", "Patrol points", "point", 13, 16,
        ["responsibility_grid_id", "name", "name_en"], "map.view", 36,
    ),
]  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "unit_grid_code",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("community_code", sa.String(), nullable=False),
        sa.Column("digits", sa.SmallInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit_grid_code")),
        sa.UniqueConstraint(
            "community_code",
            "digits",
            "sequence",
            name=op.f("uq_unit_grid_code_community_code_digits_sequence"),
        ),
    )
    op.create_table(
        "unit_grid_counter",
        sa.Column("community_code", sa.String(), nullable=False),
        sa.Column("digits", sa.SmallInteger(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("community_code", "digits", name=op.f("pk_unit_grid_counter")),
    )
    op.create_table(
        "patrol_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("responsibility_grid_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["responsibility_grid_id"],
            ["responsibility_grid.id"],
            name=op.f("fk_patrol_point_responsibility_grid_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_point")),
    )
    op.create_index(
        "ix_patrol_point_geom",
        "patrol_point",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_patrol_point_responsibility_grid_id", "patrol_point", ["responsibility_grid_id"], unique=False
    )
    op.create_table(
        "patrol_route",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("responsibility_grid_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("point_ids", postgresql.ARRAY(sa.INTEGER()), server_default="{}", nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("origin IN ('drawn','proposed')", name=op.f("ck_patrol_route_origin")),
        sa.ForeignKeyConstraint(
            ["responsibility_grid_id"],
            ["responsibility_grid.id"],
            name=op.f("fk_patrol_route_responsibility_grid_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_route")),
    )
    op.create_index(
        "ix_patrol_route_geom",
        "patrol_route",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_patrol_route_responsibility_grid_id", "patrol_route", ["responsibility_grid_id"], unique=False
    )
    op.create_table(
        "grid_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="dividing", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("srid", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("step", sa.String(), server_default="waiting", nullable=False),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("progress_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('dividing','open','published','discarded','failed')", name=op.f("ck_grid_draft_state")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_grid_draft_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_draft")),
    )
    op.create_index("ix_grid_draft_area_code", "grid_draft", ["area_code"], unique=False)
    op.create_table(
        "grid_draft_cell",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("community_code", sa.String(), nullable=False),
        sa.Column("wet", sa.Boolean(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("added_in", sa.Integer(), nullable=False),
        sa.Column("removed_in", sa.Integer(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["grid_draft.id"], name=op.f("fk_grid_draft_cell_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_draft_cell")),
    )
    op.create_index("ix_grid_draft_cell_draft_id", "grid_draft_cell", ["draft_id"], unique=False)
    op.create_index(
        "ix_grid_draft_cell_geom",
        "grid_draft_cell",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "grid_draft_issue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("measure", sa.Double(), nullable=False),
        sa.Column("community_code", sa.String(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["grid_draft.id"], name=op.f("fk_grid_draft_issue_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_draft_issue")),
    )
    op.create_index("ix_grid_draft_issue_draft_id", "grid_draft_issue", ["draft_id"], unique=False)
    op.create_index(
        "ix_grid_draft_issue_geom",
        "grid_draft_issue",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "grid_draft_operation",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.Column("undone_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('divide','split','merge','move_border')", name=op.f("ck_grid_draft_operation_kind")
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["grid_draft.id"], name=op.f("fk_grid_draft_operation_draft_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_grid_draft_operation_person_id")),
        sa.ForeignKeyConstraint(["undone_by"], ["person.id"], name=op.f("fk_grid_draft_operation_undone_by")),
        sa.PrimaryKeyConstraint("draft_id", "number", name=op.f("pk_grid_draft_operation")),
    )
    op.execute(FUNCTIONS)
    op.execute(VIEWS)
    insert_layer = sa.text(
        "INSERT INTO layer (key, view, title, title_en, geometry, min_zoom, max_zoom, properties,"
        " permission, scoped, sort_order, relation)"
        " VALUES (:key, :key, :title, :title_en, :geometry, :min_zoom, :max_zoom, CAST(:properties AS jsonb),"
        " :permission, true, :sort_order, :relation)"
    )
    connection = op.get_bind()
    for key, title, title_en, geometry, low, high, properties, permission, order in LAYERS:
        relation = key if key.startswith("patrol") else None
        connection.execute(
            insert_layer,
            {
                "key": key, "title": title, "title_en": title_en, "geometry": geometry, "min_zoom": low,
                "max_zoom": high, "properties": json.dumps(properties), "permission": permission,
                "sort_order": order, "relation": relation,
            },
        )  # fmt: skip
        connection.execute(sa.text("INSERT INTO layer_version (key) VALUES (:key)"), {"key": key})
    for relation in ("patrol_point", "patrol_route"):
        connection.execute(sa.text(f"SELECT keep_history('{relation}', 'area_code')"))
