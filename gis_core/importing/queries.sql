-- :name start_run
INSERT INTO import_run (file_name, file_sha256, target, source, srid, person_id)
VALUES (%(file_name)s, %(file_sha256)s, %(target)s, %(source)s, %(srid)s, %(person_id)s)
RETURNING id

-- :name finish_run
UPDATE import_run
   SET state = %(state)s, finished_at = clock_timestamp(), counts = %(counts)s, target = %(target)s,
       source = %(source)s, srid = %(srid)s
 WHERE id = %(id)s

-- :name area_shape
-- As it is today, or was last.
SELECT ST_AsBinary(geom) FROM area WHERE code = %(code)s AND geom IS NOT NULL
 ORDER BY valid_from DESC LIMIT 1

-- :name refuse_twice
-- Of several staged rows with the same value only the first stays.
DELETE FROM {staged} AS s
 USING (SELECT ctid AS place, row_number() OVER (PARTITION BY {column} ORDER BY number) AS nth
          FROM {staged} WHERE {column} IS NOT NULL) AS ranked
 WHERE s.ctid = ranked.place AND ranked.nth > 1
RETURNING s.feature, s.{column}

-- :name join_area_parts
-- An area given in pieces (exclaves, split rows) under one code and name is one area.
WITH whole AS (
  SELECT code, min(number) AS number, ST_Multi(ST_Union(geom)) AS geom
    FROM {staged} WHERE code IS NOT NULL GROUP BY code HAVING count(*) > 1 AND count(DISTINCT name) = 1
), joined AS (
  UPDATE {staged} AS s SET geom = whole.geom FROM whole WHERE s.code = whole.code AND s.number = whole.number
)
DELETE FROM {staged} AS s USING whole
 WHERE s.code = whole.code AND s.number <> whole.number
RETURNING s.feature, s.code

-- :name keep_provisional_codes
-- A feature that was given a number before keeps it.
UPDATE {staged} AS s
   SET code = known.code, name = known.name, parent_code = known.parent_code, level = known.level,
       attributes = s.attributes || '{{"provisional_code": true}}'
  FROM area AS known
 WHERE s.code IS NULL AND known.source = %(source)s AND known.source_key = s.source_key
   AND known.attributes ? 'provisional_code'

-- :name give_provisional_codes
-- Parent's code + 9 + two digits, west to east; the hundredth gets none.
-- GB/T 10114 gives streets, towns and townships numbers below 900.
WITH placed AS (
  SELECT s.number, parent.code AS parent_code, s.anchor
    FROM {staged} AS s
   CROSS JOIN LATERAL (
     SELECT code FROM area AS a
      WHERE a.level = %(parent_level)s AND ST_Covers(a.geom, s.anchor) AND a.valid_to IS NULL
      ORDER BY code LIMIT 1
   ) AS parent
   WHERE s.code IS NULL
), taken AS (
  SELECT left(code, -3) AS parent_code, max(right(code, 2)::int) AS last
    FROM area WHERE level = %(level)s AND code ~ '9[0-9]{{2}}$' GROUP BY 1
), numbered AS (
  SELECT number, placed.parent_code,
         coalesce(last, 0) + row_number() OVER (PARTITION BY placed.parent_code ORDER BY ST_X(anchor)) AS nth
    FROM placed LEFT JOIN taken ON taken.parent_code = placed.parent_code
)
UPDATE {staged} AS s
   SET code = numbered.parent_code || to_char(900 + nth, 'FM000'), parent_code = numbered.parent_code,
       level = %(level)s,
       name = CASE WHEN s.name = %(unnamed)s
                   THEN %(unnamed)s || numbered.parent_code || to_char(900 + nth, 'FM000') ELSE s.name END,
       attributes = s.attributes || '{{"provisional_code": true}}'
  FROM numbered
 WHERE s.number = numbered.number AND numbered.nth < 100
RETURNING s.feature, s.code

-- :name refuse_without_code
DELETE FROM {staged} WHERE code IS NULL RETURNING feature, NULL::text

-- :name refuse_taken_codes
-- A code whose validity overlaps the same code from another source.
DELETE FROM {staged} AS s USING area AS known
 WHERE known.code = s.code AND (known.source, known.source_key) <> (s.source, s.source_key)
   AND daterange(known.valid_from, known.valid_to) && daterange(s.valid_from, s.valid_to)
RETURNING s.feature, s.code, known.source

-- :name find_parents
-- The city whose digits the code begins with, else the code's own leading digits.
UPDATE {staged} AS s SET parent_code =
  CASE s.level
    WHEN 'community' THEN left(s.code, 9)
    WHEN 'street' THEN left(s.code, 6)
    WHEN 'district' THEN coalesce(
      (SELECT city.code FROM (SELECT code FROM area WHERE level = 'city'
                               UNION SELECT code FROM {staged} WHERE level = 'city') AS city
        WHERE starts_with(s.code, area_prefix(city.code)) ORDER BY length(area_prefix(city.code)) DESC LIMIT 1),
      CASE WHEN left(s.code, 2) IN ('11', '12', '31', '50') THEN left(s.code, 2) || '0000'
           ELSE left(s.code, 4) || '00' END)
  END
 WHERE parent_code IS NULL

-- :name areas_of_today
-- Coarse to fine.
SELECT code, ST_AsBinary(geom) FROM area
 WHERE geom IS NOT NULL AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())
 ORDER BY length(code), level <> 'city', code DESC

-- :name refuse_outside_areas
DELETE FROM {staged} WHERE area_code IS NULL RETURNING feature, NULL::text

-- :name stamp_unit_grid
UPDATE {staged} AS s SET unit_grid_code = g.code
  FROM unit_grid AS g
 WHERE g.change_date IS NULL AND g.geom && s.anchor AND ST_Covers(g.geom, s.anchor)

-- :name keep_component_codes
-- A component known by its source key keeps the code it was issued, and what the file does not tell.
UPDATE {staged} AS s
   SET code = coalesce(s.code, known.code), initial_date = coalesce(s.initial_date, known.initial_date),
       accuracy_class = coalesce(s.accuracy_class, known.accuracy_class)
  FROM component AS known
 WHERE (s.code IS NULL OR s.initial_date IS NULL OR s.accuracy_class IS NULL)
   AND known.source = s.source AND known.source_key = s.source_key

-- :name date_components
-- The day of recording, as staff count days, where nothing tells an earlier one.
UPDATE {staged} SET initial_date = civil_today() WHERE initial_date IS NULL

-- :name lock_component_codes
SELECT pg_advisory_xact_lock(7823452)

-- :name issue_component_codes
-- District 6 + class 4 or 5 + sequence, above every sequence ever given there, also to components that
-- are no more, and above those that came with the file.
WITH wanted AS (
  SELECT number, left(area_code, 6) || class_code AS prefix,
         row_number() OVER (PARTITION BY left(area_code, 6) || class_code ORDER BY number) AS nth
    FROM {staged} WHERE code IS NULL
), needed AS (
  SELECT prefix, count(*)::int AS n FROM wanted GROUP BY prefix ORDER BY prefix
), brought AS (
  SELECT left(code, 6 + length(class_code)) AS prefix, max(substr(code, 7 + length(class_code))::int) AS last
    FROM {staged} WHERE code IS NOT NULL GROUP BY 1
), begun AS MATERIALIZED (
  SELECT needed.prefix, component_codes_take(needed.prefix, needed.n, coalesce(brought.last, 0)) AS first
    FROM needed LEFT JOIN brought USING (prefix)
)
UPDATE {staged} AS s SET code = prefix || lpad((first + nth - 1)::text, 16 - length(prefix), '0')
  FROM wanted JOIN begun USING (prefix)
 WHERE s.number = wanted.number

-- :name refuse_taken_component_codes
DELETE FROM {staged} AS s USING component AS known
 WHERE known.code = s.code AND (known.source, known.source_key) <> (s.source, s.source_key)
RETURNING s.feature, s.code, known.source

-- :name measure_unit_grids
UPDATE {staged} SET area_m2 = ST_Area(geom::geography)

-- :name roads_by_name
SELECT name, ST_AsBinary(ST_Collect(geom)) FROM road
 WHERE name = ANY(%(names)s) AND source <> %(source)s GROUP BY name

-- :name areas_by_name
SELECT name, ST_AsBinary(ST_Union(geom)) FROM area
 WHERE name = ANY(%(names)s) AND source <> %(source)s AND geom IS NOT NULL
   AND (valid_to IS NULL OR valid_to > civil_today())
 GROUP BY name

-- :name whole_city
-- The finest level alone would do; districts are few and cover all.
SELECT ST_AsBinary(ST_Union(geom)) FROM area
 WHERE geom IS NOT NULL AND source <> %(source)s AND (valid_to IS NULL OR valid_to > civil_today())
   AND level = (SELECT level FROM area WHERE geom IS NOT NULL AND source <> %(source)s
                 ORDER BY level = 'district' DESC, level = 'street' DESC LIMIT 1)

-- :name hold_run
SELECT pg_advisory_xact_lock(7823453, %(id)s)

-- :name edit_by_import
SELECT edit_by(%(person_id)s, %(actor)s, 'import', %(reason)s, NULL, %(id)s)

-- :name close_dead_runs
-- A run is held by its transaction; the minute is for those that have not begun theirs.
UPDATE import_run SET state = 'refused', finished_at = clock_timestamp()
 WHERE state = 'running' AND started_at < clock_timestamp() - interval '1 minute'
   AND pg_try_advisory_xact_lock(7823453, id)
RETURNING id

-- :name changes
-- Attributes are compared as jsonb, shapes as they are stored.
(SELECT s.{key}, 'inserted', NULL::jsonb, NULL::jsonb, NULL::float
   FROM {staged} AS s LEFT JOIN {known} AS known ON {join}
  WHERE known.{first} IS NULL ORDER BY s.number LIMIT {max_rows})
UNION ALL
(SELECT s.{key}, 'updated', {old_values}, {new_values},
        CASE WHEN known.geom IS DISTINCT FROM s.geom
             THEN ST_HausdorffDistance(ST_Transform(known.geom, 3857), ST_Transform(s.geom, 3857))
                  * cos(radians(ST_YMin(s.geom))) END
   FROM {staged} AS s JOIN {known} AS known ON {join}
  WHERE ROW ({old}) IS DISTINCT FROM ROW ({new}) ORDER BY s.number LIMIT {max_rows})

-- :name missing
SELECT known.id, known.source_key, ST_AsBinary(known.geom) FROM {known} AS known
 WHERE known.source = %(source)s {alive}
   AND NOT EXISTS (SELECT 1 FROM {staged} AS s WHERE s.source_key = known.source_key)
 ORDER BY known.id

-- :name end_rows
UPDATE {table} SET {change} WHERE id = ANY(%(ids)s)

-- :name delete_rows
DELETE FROM {table} WHERE id = ANY(%(ids)s)

-- :name refuse_foreign
-- Rows known elsewhere, outside the areas of the importer's grant.
DELETE FROM {staged} AS s USING {known} AS known
 WHERE {join} AND NOT ST_Covers(ST_GeomFromWKB(%(area)s, 4326), ST_PointOnSurface(known.geom))
RETURNING s.feature, s.{key}

-- :name refuse_foreign_codes
-- A code is a place: one outside the grant is none of the importer's, wherever its shape lies.
DELETE FROM {staged} AS s WHERE NOT (s.{column} LIKE ANY (%(patterns)s)) RETURNING s.feature, s.{column}

-- :name areas_of_grant
SELECT ST_AsBinary(ST_Union(geom)) FROM area
 WHERE code = ANY (%(codes)s) AND geom IS NOT NULL AND (valid_to IS NULL OR valid_to > civil_today())

-- :name remember_options
INSERT INTO import_mapping AS known (source, options)
VALUES (%(source)s, jsonb_build_object(%(file)s::text, %(options)s::jsonb))
ON CONFLICT (source) DO UPDATE SET options = known.options || excluded.options, changed_at = now()

-- :name remembered_options
SELECT options -> %(file)s FROM import_mapping WHERE source = %(source)s AND options ? %(file)s

-- :name lock_source
-- Two imports of one source follow each other.
SELECT pg_advisory_xact_lock(hashtextextended('import ' || %(source)s, 0))

-- :name source_is_known
SELECT 1 FROM {table} WHERE source = %(source)s LIMIT 1
