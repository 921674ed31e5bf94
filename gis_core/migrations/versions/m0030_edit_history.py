"""History of every published table: change sets, and each row as it was before"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0030_edit_history"
down_revision = "0011_imports"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- Who changes rows in this transaction, and why: for the change set that the triggers begin.
CREATE FUNCTION edit_by(person_id int, actor text, origin text, reason text,
                        undoes_id bigint DEFAULT NULL, import_run_id int DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
  SELECT set_config('wanmi.person_id', coalesce($1::text, ''), true),
         set_config('wanmi.actor', coalesce($2, ''), true),
         set_config('wanmi.origin', coalesce($3, ''), true),
         set_config('wanmi.reason', coalesce($4, ''), true),
         set_config('wanmi.undoes_id', coalesce($5::text, ''), true),
         set_config('wanmi.import_run_id', coalesce($6::text, ''), true);
$$;

-- The change set of this transaction, begun with the first changed row.
CREATE FUNCTION edit_current() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  found bigint := nullif(current_setting('wanmi.edit', true), '')::bigint;
BEGIN
  IF found IS NULL THEN
    INSERT INTO edit (person_id, actor, origin, reason, undoes_id, import_run_id)
    VALUES (nullif(current_setting('wanmi.person_id', true), '')::int,
            coalesce(nullif(current_setting('wanmi.actor', true), ''), session_user),
            coalesce(nullif(current_setting('wanmi.origin', true), ''), 'system'),
            nullif(current_setting('wanmi.reason', true), ''),
            nullif(current_setting('wanmi.undoes_id', true), '')::bigint,
            nullif(current_setting('wanmi.import_run_id', true), '')::int)
    RETURNING id INTO found;
    PERFORM set_config('wanmi.edit', found::text, true);
  END IF;
  RETURN found;
END $$;

-- Once a statement. Argument: the column that holds the row's area code, or ''.
CREATE FUNCTION edit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  relation text := TG_TABLE_NAME;
  area text := CASE WHEN TG_ARGV[0] = '' THEN 'NULL::text' ELSE format('o.%I', TG_ARGV[0]) END;
  names text;
  shape text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM FROM new_rows LIMIT 1;
    IF FOUND THEN
      EXECUTE format('INSERT INTO edit_insert (edit_id, relation, at, area_code, row_ids)'
                     ' SELECT $1, $2, $3, %1$s, range_agg(int4range(o.id, o.id, ''[]''))'
                     '   FROM new_rows o GROUP BY o.id / 4096, %1$s', area)
        USING edit_current(), relation, clock_timestamp();
    END IF;
    RETURN NULL;
  END IF;
  PERFORM FROM old_rows LIMIT 1;
  IF FOUND THEN
    SELECT string_agg(format('o.%I', attname), ', ' ORDER BY attnum) FILTER (WHERE attname <> 'geom'),
           coalesce(max('o.geom') FILTER (WHERE attname = 'geom'), 'NULL::geometry')
      INTO names, shape
      FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('INSERT INTO edit_row (edit_id, relation, row_id, operation, at, area_code, content, geom)'
                   ' SELECT $1, $2, o.id, $3, $4, %s, (SELECT to_jsonb(r) FROM (SELECT %s) AS r), %s'
                   '   FROM old_rows o', area, names, shape)
      USING edit_current(), relation, lower(TG_OP), clock_timestamp();
  END IF;
  RETURN NULL;
END $$;

-- Let a table with an integer ``id`` keep history. area_column: the column that holds the area code.
CREATE FUNCTION keep_history(target regclass, area_column text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER note_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION edit_note(%L)', target, area_column);
  EXECUTE format('CREATE TRIGGER note_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION edit_note(%L)', target, area_column);
  EXECUTE format('CREATE TRIGGER note_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'
                 ' FOR EACH STATEMENT EXECUTE FUNCTION edit_note(%L)', target, area_column);
END $$;

-- The rows of a table as they were at a moment (of those that meet the box, if one is given).
-- What is older than its history is taken to have always been so.
CREATE FUNCTION rows_as_of(target regclass, moment timestamptz, box geometry DEFAULT NULL)
RETURNS TABLE (row_id int, content jsonb, geom geometry) LANGUAGE plpgsql STABLE AS $$
DECLARE
  relation text := (SELECT relname FROM pg_class WHERE oid = target);
  names text;
  shape text;
BEGIN
  SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum) FILTER (WHERE attname <> 'geom'),
         coalesce(max('t.geom') FILTER (WHERE attname = 'geom'), 'NULL::geometry')
    INTO names, shape
    FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;
  RETURN QUERY EXECUTE format($sql$
    WITH changed AS (
      SELECT DISTINCT ON (r.row_id) r.row_id, r.at, r.content, r.geom
        FROM edit_row r WHERE r.relation = $1 AND r.at > $2 ORDER BY r.row_id, r.id
    ), born AS MATERIALIZED (
      SELECT coalesce(range_agg(i.row_ids), '{}') AS ids
        FROM edit_insert i WHERE i.relation = $1 AND i.at > $2
    )
    SELECT t.id, (SELECT to_jsonb(r) FROM (SELECT %1$s) AS r), %2$s
      FROM %3$s t, born
     WHERE ($3 IS NULL OR %2$s && $3) AND NOT t.id <@ born.ids
       AND NOT EXISTS (SELECT FROM changed c WHERE c.row_id = t.id)
    UNION ALL
    SELECT c.row_id, c.content, c.geom
      FROM changed c, born
     WHERE ($3 IS NULL OR c.geom && $3)
       AND NOT (c.row_id <@ born.ids AND EXISTS (
             SELECT FROM edit_insert i
              WHERE i.relation = $1 AND i.row_ids @> c.row_id AND i.at > $2 AND i.at < c.at))
  $sql$, names, shape, target) USING relation, moment, box;
END $$;

-- A row as it is: its columns but the shape, the shape, and a mark that changes with every change.
CREATE FUNCTION row_now(target regclass, wanted int)
RETURNS TABLE (content jsonb, geom geometry, mark text) LANGUAGE plpgsql STABLE AS $$
DECLARE
  names text;
  shape text;
BEGIN
  SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum) FILTER (WHERE attname <> 'geom'),
         coalesce(max('t.geom') FILTER (WHERE attname = 'geom'), 'NULL::geometry')
    INTO names, shape
    FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;
  RETURN QUERY EXECUTE format('SELECT (SELECT to_jsonb(r) FROM (SELECT %s) AS r), %s, t.xmin::text || ''-'' || t.ctid::text'
                              '  FROM %s t WHERE t.id = $1', names, shape, target) USING wanted;
END $$;

-- Put back what a change set changed: take away its new rows, then give its old ones their columns
-- again, then bring back what it took away. The caller has seen to it that nobody changed them since.
CREATE FUNCTION edit_restore(wanted bigint) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  relations text[] := ARRAY(SELECT relation FROM edit_insert WHERE edit_id = wanted
                            UNION SELECT relation FROM edit_row WHERE edit_id = wanted ORDER BY 1);
  kept constant text := '(SELECT DISTINCT ON (r.row_id) r.row_id, r.content, r.geom FROM edit_row r'
    ' WHERE r.edit_id = $1 AND r.relation = $2 AND NOT EXISTS (SELECT FROM edit_insert i'
    '  WHERE i.edit_id = $1 AND i.relation = $2 AND i.row_ids @> r.row_id AND i.at <= r.at)'
    ' ORDER BY r.row_id, r.id) AS k';
  relation text;
  names text;
  old_values text;
BEGIN
  FOREACH relation IN ARRAY relations LOOP
    EXECUTE format('DELETE FROM %I WHERE id IN (SELECT generate_series(lower(span), upper(span) - 1)'
                   ' FROM edit_insert, unnest(row_ids) AS span WHERE edit_id = $1 AND relation = $2)', relation)
      USING wanted, relation;
  END LOOP;
  FOREACH relation IN ARRAY relations LOOP
    SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum),
           string_agg(CASE attname WHEN 'geom' THEN 'k.geom' ELSE format('p.%I', attname) END, ', ' ORDER BY attnum)
      INTO names, old_values
      FROM pg_attribute
     WHERE attrelid = relation::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('UPDATE %1$I AS t SET (%2$s) = ROW (%3$s) FROM %4$s'
                   ' JOIN %1$I AS b ON b.id = k.row_id, jsonb_populate_record(b, k.content) AS p'
                   ' WHERE t.id = k.row_id', relation, names, old_values, kept) USING wanted, relation;
    EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %3$s FROM %4$s, jsonb_populate_record(NULL::%1$I, k.content) AS p'
                   ' WHERE NOT EXISTS (SELECT FROM %1$I AS t WHERE t.id = k.row_id)', relation, names, old_values, kept)
      USING wanted, relation;
  END LOOP;
  RETURN relations;
END $$;

-- The finest area of today that covers a place; null outside all of them.
CREATE FUNCTION area_at(place geometry) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT code FROM area
   WHERE ST_Covers(geom, $1)
     AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
   ORDER BY length(code) DESC, level = 'city', code LIMIT 1;
$$;
"""

KEEPING = {
    "area": "code",
    "unit_grid": "community_code",
    "responsibility_grid": "area_code",
    "road": "area_code",
    "building": "area_code",
    "land_cover": "",
    "facility": "area_code",
    "component": "area_code",
    "zone": "area_code",
}

RELATIONS = {
    "area": ["area_district", "area_street", "area_community", "area_label"],
    **{
        name: [name]
        for name in (
            "unit_grid", "responsibility_grid", "road", "building", "land_cover", "facility",
            "component", "zone",
        )
    },
}  # fmt: skip
EDITABLE = ["road", "building", "land_cover", "facility", "component", "zone"]


def upgrade() -> None:
    op.create_table(
        "edit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), server_default="system", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("undoes_id", sa.BigInteger(), nullable=True),
        sa.Column("import_run_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("origin IN ('page','import','undo','system')", name=op.f("ck_edit_origin")),
        sa.ForeignKeyConstraint(["import_run_id"], ["import_run.id"], name=op.f("fk_edit_import_run_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_edit_person_id")),
        sa.ForeignKeyConstraint(["undoes_id"], ["edit.id"], name=op.f("fk_edit_undoes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit")),
    )
    op.create_index("ix_edit_at", "edit", ["at"], unique=False)
    op.create_index("ix_edit_undoes_id", "edit", ["undoes_id"], unique=True)
    op.create_table(
        "edit_insert",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("edit_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("row_ids", postgresql.INT4MULTIRANGE(), nullable=False),
        sa.ForeignKeyConstraint(["edit_id"], ["edit.id"], name=op.f("fk_edit_insert_edit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit_insert")),
    )
    op.create_index("ix_edit_insert_edit_id", "edit_insert", ["edit_id"], unique=False)
    op.create_index("ix_edit_insert_relation_at", "edit_insert", ["relation", "at"], unique=False)
    op.create_index(
        "ix_edit_insert_row_ids", "edit_insert", ["row_ids"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "edit_row",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("edit_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="GEOMETRY", srid=4326, dimension=2, spatial_index=False,
                from_text="ST_GeomFromEWKT", name="geometry",
            ),
            nullable=True,
        ),
        sa.CheckConstraint("operation IN ('update','delete')", name=op.f("ck_edit_row_operation")),
        sa.ForeignKeyConstraint(["edit_id"], ["edit.id"], name=op.f("fk_edit_row_edit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit_row")),
    )  # fmt: skip
    op.create_index("ix_edit_row_edit_id", "edit_row", ["edit_id"], unique=False)
    op.create_index("ix_edit_row_relation_at", "edit_row", ["relation", "at"], unique=False)
    op.create_index("ix_edit_row_relation_row_id", "edit_row", ["relation", "row_id", "id"], unique=False)
    op.add_column("layer", sa.Column("relation", sa.String(), nullable=True))
    op.add_column("layer", sa.Column("editable", sa.Boolean(), server_default="false", nullable=False))
    op.execute(FUNCTIONS)
    connection = op.get_bind()
    for relation, keys in RELATIONS.items():
        connection.execute(
            sa.text(
                "UPDATE layer SET relation = :relation, editable = key = ANY (:editable) WHERE key = ANY (:keys)"
            ),
            {"relation": relation, "editable": EDITABLE, "keys": keys},
        )
    for relation, column in KEEPING.items():
        connection.execute(sa.text(f"SELECT keep_history('{relation}', '{column}')"))
