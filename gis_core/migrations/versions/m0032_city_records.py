"""Succession of areas, sequences of component codes, event dictionary, approval papers of zones"""

import sqlalchemy as sa
from alembic import op

revision = "0032_city_records"
down_revision = "0031_grids"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- The first of n new sequence numbers under a prefix, above at_least and above all ever given there.
-- The row's lock lets one transaction after the other; numbers of one that fails were never seen.
CREATE FUNCTION component_codes_take(prefix text, n int, at_least int DEFAULT 0) RETURNS int
LANGUAGE sql AS $$
  INSERT INTO component_code_sequence AS s (prefix, last) VALUES ($1, $3 + $2)
      ON CONFLICT (prefix) DO UPDATE SET last = greatest(s.last, $3) + $2
  RETURNING last - $2 + 1;
$$;

-- A component that came with its code uses it up.
CREATE FUNCTION component_codes_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Only what rises is written: a lock on the row would make all writers of a class wait.
  INSERT INTO component_code_sequence AS s (prefix, last)
  SELECT used.prefix, used.last
    FROM (SELECT left(code, 6 + length(class_code)) AS prefix, max(substr(code, 7 + length(class_code))::int) AS last
            FROM new_rows GROUP BY 1) AS used
    LEFT JOIN component_code_sequence known ON known.prefix = used.prefix
   WHERE coalesce(known.last, -1) < used.last
   ORDER BY used.prefix
      ON CONFLICT (prefix) DO UPDATE SET last = excluded.last WHERE s.last < excluded.last;
  RETURN NULL;
END $$;

CREATE TRIGGER codes_used AFTER INSERT ON component REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION component_codes_used();
CREATE TRIGGER codes_changed AFTER UPDATE ON component REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION component_codes_used();

INSERT INTO component_code_sequence (prefix, last)
SELECT left(code, 6 + length(class_code)), max(substr(code, 7 + length(class_code))::int) FROM component GROUP BY 1;

CREATE OR REPLACE VIEW publish.component AS
SELECT c.id, c.code, c.class_code, k.name AS class_name, k.name_en AS class_name_en, c.name, c.state,
       c.owner, c.maintainer, c.area_code, c.geom, c.authority, c.edition, c.address, c.unit_grid_code,
       c.data_source, c.accuracy_class, c.initial_date, c.change_date
  FROM component c JOIN component_class k ON k.edition = c.edition AND k.code = c.class_code
 WHERE c.state <> 'abandoned';

SELECT keep_history('area_succession', 'successor_code');
"""


def _text(name: str, *, nullable: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "area_succession",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("kind"),
        _text("predecessor_code"),
        _text("successor_code"),
        sa.Column("on_date", sa.Date(), nullable=False),
        _text("document", nullable=True),
        sa.CheckConstraint(
            "kind IN ('split','merged','renamed','recoded')", name=op.f("ck_area_succession_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_succession")),
        sa.UniqueConstraint(
            "predecessor_code", "successor_code", "on_date",
            name=op.f("uq_area_succession_predecessor_code_successor_code_on_date"),
        ),
    )  # fmt: skip
    op.create_index("ix_area_succession_successor_code", "area_succession", ["successor_code"], unique=False)
    op.create_table(
        "event_class",
        _text("edition"),
        _text("code"),
        _text("class_name"),
        _text("name"),
        _text("name_en", nullable=True),
        _text("geometry", nullable=True),
        _text("department_kind", nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{4,5}$'", name=op.f("ck_event_class_code_digits")),
        sa.PrimaryKeyConstraint("edition", "code", name=op.f("pk_event_class")),
    )
    op.create_table(
        "filing_condition",
        _text("list"),
        _text("edition"),
        _text("class_code"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _text("filing"),
        _text("closing", nullable=True),
        _text("limit_core", nullable=True),
        _text("limit_general", nullable=True),
        _text("limit_outer", nullable=True),
        sa.CheckConstraint("list IN ('component','event')", name=op.f("ck_filing_condition_list")),
        sa.CheckConstraint(
            "coalesce(limit_core, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'"
            " AND coalesce(limit_general, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'"
            " AND coalesce(limit_outer, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'",
            name=op.f("ck_filing_condition_limits"),
        ),
        sa.PrimaryKeyConstraint("list", "edition", "class_code", "number", name=op.f("pk_filing_condition")),
    )
    op.create_table(
        "zone_attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zone_id", sa.Integer(), nullable=False),
        _text("title"),
        _text("document_number", nullable=True),
        _text("issued_by", nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        _text("file_name"),
        _text("media_type"),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        _text("sha256"),
        sa.Column("uploaded_by", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_zone_attachment_size")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_zone_attachment_sha256")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["person.id"], name=op.f("fk_zone_attachment_uploaded_by")),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_zone_attachment_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_attachment")),
        sa.UniqueConstraint("zone_id", "sha256", name=op.f("uq_zone_attachment_zone_id_sha256")),
    )
    op.add_column("component", sa.Column("accuracy_class", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_component_accuracy_class"), "component", "accuracy_class IN ('A','B','C')"
    )
    op.create_table(
        "component_code_sequence",
        _text("prefix"),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("prefix ~ '^[0-9]{10,11}$'", name=op.f("ck_component_code_sequence_prefix")),
        sa.CheckConstraint(
            "last BETWEEN 0 AND 10 ^ (16 - length(prefix)) - 1", name=op.f("ck_component_code_sequence_last")
        ),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_component_code_sequence")),
    )
    op.execute(FUNCTIONS)
