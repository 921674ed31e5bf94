-- :name source_upsert
-- What is not told stays as somebody set it.
INSERT INTO gazetteer_source (key, priority, quality, datum, dated, columns)
VALUES (%(key)s, coalesce(%(priority)s, 100), coalesce(%(quality)s, %(usual_quality)s), %(datum)s, %(dated)s,
        %(columns)s)
ON CONFLICT (key) DO UPDATE SET priority = coalesce(%(priority)s, gazetteer_source.priority),
       quality = coalesce(%(quality)s, gazetteer_source.quality),
       datum = excluded.datum, dated = coalesce(excluded.dated, gazetteer_source.dated),
       columns = excluded.columns, imported_at = now()
RETURNING id

-- :name sources
SELECT id, key, quality, priority FROM gazetteer_source ORDER BY id

-- :name staging
CREATE TEMP TABLE gazetteer_staging (
  source_key text, part int2, base text, kind int2, number int, unit text, mark text, upto int, tail text,
  district text, town text, community text, display text, lon float8, lat float8
) ON COMMIT DROP

-- :name staging_copy
COPY gazetteer_staging FROM STDIN (FORMAT BINARY)

-- :name merge
-- Insert what is new, update what differs, leave the rest; one row for each. xmax tells them apart.
WITH merged AS (
  INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto, tail,
                               district, town, community, display, lon, lat)
  SELECT DISTINCT ON (source_key, part) %(source_id)s, s.* FROM gazetteer_staging s
  ON CONFLICT (source_id, source_key, part) DO UPDATE
     SET base = excluded.base, kind = excluded.kind, number = excluded.number, unit = excluded.unit,
         mark = excluded.mark, upto = excluded.upto, tail = excluded.tail, district = excluded.district,
         town = excluded.town, community = excluded.community, display = excluded.display,
         lon = excluded.lon, lat = excluded.lat, changed_xid = pg_current_xact_id()::text::bigint
   WHERE (gazetteer_entry.base, gazetteer_entry.number, gazetteer_entry.unit, gazetteer_entry.mark,
          gazetteer_entry.upto, gazetteer_entry.tail, gazetteer_entry.district, gazetteer_entry.town,
          gazetteer_entry.display, gazetteer_entry.lon, gazetteer_entry.lat)
         IS DISTINCT FROM
         (excluded.base, excluded.number, excluded.unit, excluded.mark, excluded.upto, excluded.tail,
          excluded.district, excluded.town, excluded.display, excluded.lon, excluded.lat)
  RETURNING (xmax = 0) AS inserted
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM merged

-- :name remove_missing
-- A table that is imported as a whole no longer has these.
WITH gone AS (
  DELETE FROM gazetteer_entry e
   WHERE e.source_id = %(source_id)s
     AND NOT EXISTS (SELECT 1 FROM gazetteer_staging s WHERE s.source_key = e.source_key AND s.part = e.part)
  RETURNING 1
)
SELECT count(*) FROM gone

-- :name staging_counted
-- A temporary table has no figures to plan by until it is asked for them.
ANALYZE gazetteer_staging

-- :name told_before
SELECT EXISTS (SELECT 1 FROM gazetteer_entry WHERE source_id = %(source_id)s)

-- :name remove_untold
-- What rows that are told anew no longer name (a road, a house), and whether any now names another place.
WITH gone AS (
  DELETE FROM gazetteer_entry e
   WHERE e.source_id = %(source_id)s
     AND EXISTS (SELECT 1 FROM gazetteer_staging s WHERE s.source_key = e.source_key)
     AND NOT EXISTS (SELECT 1 FROM gazetteer_staging s WHERE s.source_key = e.source_key AND s.part = e.part)
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone),
       EXISTS (SELECT 1 FROM gazetteer_staging s
                 JOIN gazetteer_entry e ON e.source_id = %(source_id)s AND e.source_key = s.source_key
                                       AND e.part = s.part
                WHERE e.base <> s.base)

-- :name notify
SELECT pg_notify('wanmi_gazetteer', %(what)s)

-- :name entries
-- A house that addresses name counts where nothing else near it has its name.
SELECT id, source_id, base, kind, number, unit, mark, upto, tail, district, town, lon, lat
  FROM gazetteer_entry e
 WHERE part >= 0
    OR NOT EXISTS (SELECT 1 FROM gazetteer_entry n
                    WHERE n.base = e.base AND n.part >= 0 AND abs(n.lon - e.lon) < 0.01 AND abs(n.lat - e.lat) < 0.01)
 ORDER BY id

-- :name bases_since
SELECT DISTINCT base FROM gazetteer_entry WHERE changed_xid >= %(xid)s ORDER BY base

-- :name entries_of_bases
SELECT id, source_id, base, kind, number, unit, mark, upto, tail, district, town, lon, lat
  FROM gazetteer_entry e
 WHERE base = ANY(%(bases)s)
   AND (part >= 0
      OR NOT EXISTS (SELECT 1 FROM gazetteer_entry n
                      WHERE n.base = e.base AND n.part >= 0 AND abs(n.lon - e.lon) < 0.01 AND abs(n.lat - e.lat) < 0.01))
 ORDER BY id

-- :name horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint

-- :name names
SELECT name, base, status FROM gazetteer_name

-- :name known_bases
-- corrected: somebody named it by hand.
SELECT base, bit_or(kind)::int,
       bool_or(source_id = (SELECT id FROM gazetteer_source WHERE key = 'correction')) IS TRUE AS corrected
  FROM gazetteer_entry GROUP BY base

-- :name area_names
SELECT level, name, code, parent_code FROM area
 WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name former_areas
SELECT level, name FROM area WHERE valid_to <= civil_today()

-- :name entry_areas
SELECT DISTINCT district, town FROM gazetteer_entry

-- :name road_lines
SELECT name, ST_AsBinary(geom) FROM road WHERE name IS NOT NULL AND name <> ''

-- :name facilities
SELECT id, name, ST_X(geom), ST_Y(geom) FROM facility WHERE name IS NOT NULL AND name <> ''

-- :name named_grounds
-- Parks, squares and waters by name, their parts within about 300 m of one another as one: a point inside, and
-- points of the outline at most about 600 m from one another.
SELECT name, ST_X(p), ST_Y(p), ARRAY(SELECT ST_X(d.geom) FROM ST_DumpPoints(line) AS d) AS xs,
       ARRAY(SELECT ST_Y(d.geom) FROM ST_DumpPoints(line) AS d) AS ys
  FROM (SELECT name, ST_PointOnSurface(g) AS p,
               ST_Segmentize(ST_Boundary(ST_SimplifyPreserveTopology(g, 0.001)), 0.006) AS line
          FROM (SELECT name, ST_CollectionExtract(unnest(ST_ClusterWithin(geom, 0.003)), 3) AS g
                  FROM land_cover WHERE name <> '' GROUP BY name) AS part) AS ground
 ORDER BY name, ST_X(p), ST_Y(p)

-- :name source_known
SELECT 1 FROM gazetteer_source WHERE key = %(key)s

-- :name city_buildings
-- Buildings with an address, at a point inside, with the areas they lie in by their area code.
SELECT b.id::text, b.address, coalesce(b.name, ''), coalesce(d.name, ''), coalesce(t.name, ''),
       coalesce(c.name, ''), '', ST_X(b.p), ST_Y(b.p)
  FROM (SELECT id, address, name, area_code, ST_PointOnSurface(geom) AS p
          FROM building WHERE address <> '') AS b
  LEFT JOIN area AS d ON d.code = left(b.area_code, 6) AND (d.valid_to IS NULL OR d.valid_to > civil_today())
  LEFT JOIN area AS t ON t.code = left(b.area_code, 9) AND length(b.area_code) >= 9
                     AND (t.valid_to IS NULL OR t.valid_to > civil_today())
  LEFT JOIN area AS c ON c.code = b.area_code AND length(b.area_code) = 12
                     AND (c.valid_to IS NULL OR c.valid_to > civil_today())

-- :name city_facilities
SELECT f.id::text, f.address, '', coalesce(d.name, ''), coalesce(t.name, ''), coalesce(c.name, ''), f.kind,
       ST_X(f.geom), ST_Y(f.geom)
  FROM facility AS f
  LEFT JOIN area AS d ON d.code = left(f.area_code, 6) AND (d.valid_to IS NULL OR d.valid_to > civil_today())
  LEFT JOIN area AS t ON t.code = left(f.area_code, 9) AND length(f.area_code) >= 9
                     AND (t.valid_to IS NULL OR t.valid_to > civil_today())
  LEFT JOIN area AS c ON c.code = f.area_code AND length(f.area_code) = 12
                     AND (c.valid_to IS NULL OR c.valid_to > civil_today())
 WHERE f.address <> ''

-- :name calibration
SELECT model FROM geocode_calibration ORDER BY id DESC LIMIT 1

-- :name calibration_add
INSERT INTO geocode_calibration (entries, model) VALUES (%(entries)s, %(model)s)

-- :name grid_by_code
-- areas: LIKE patterns of area codes, NULL for all.
SELECT ST_X(p) AS lon, ST_Y(p) AS lat, code AS name
  FROM (SELECT code, area_code, ST_PointOnSurface(geom) AS p FROM publish.unit_grid WHERE code = %(code)s) AS cell
 WHERE %(areas)s::text[] IS NULL OR area_code LIKE ANY (%(areas)s::text[])

-- :name component_by_code
SELECT ST_X(p) AS lon, ST_Y(p) AS lat, name
  FROM (SELECT name, area_code, ST_PointOnSurface(geom) AS p FROM publish.component WHERE code = %(code)s) AS thing
 WHERE %(areas)s::text[] IS NULL OR area_code LIKE ANY (%(areas)s::text[])

-- :name located_areas
SELECT level, code, name, ST_AsBinary(geom) FROM area
 WHERE level IN ('street', 'community') AND geom IS NOT NULL
   AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name named_areas
-- To compare distances with; what no eye sees of a border is not kept in memory.
SELECT level, name, ST_AsBinary(ST_SimplifyPreserveTopology(geom, 0.00005)) FROM area
 WHERE level IN ('district', 'street', 'community') AND geom IS NOT NULL
   AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name located_grids
SELECT code, ST_AsBinary(geom) FROM unit_grid WHERE change_date IS NULL

-- :name located_responsibility_grids
SELECT name, ST_AsBinary(geom) FROM responsibility_grid
 WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name located_timing_areas
SELECT coalesce(rule ->> 'timing', name), ST_AsBinary(geom) FROM zone
 WHERE kind = 'timing_area' AND valid_from <= now() AND (valid_to IS NULL OR valid_to > now())

-- :name uses
SELECT base, chosen FROM gazetteer_use

-- :name callers
-- Prefixes of telephone numbers with a point inside the area that they stand for.
SELECT p.prefix, a.name, ST_X(c.point), ST_Y(c.point)
  FROM phone_prefix AS p
  JOIN area AS a ON a.code = p.area_code AND a.geom IS NOT NULL
       AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today()),
       LATERAL (SELECT ST_PointOnSurface(a.geom) AS point) AS c

-- :name caller_put
INSERT INTO phone_prefix (prefix, area_code) VALUES (%(prefix)s, %(area_code)s)
ON CONFLICT (prefix) DO UPDATE SET area_code = excluded.area_code

-- :name area_codes
-- Areas in force by their code or their name.
SELECT w.area, a.code
  FROM unnest(%(areas)s::text[]) AS w (area)
  JOIN area AS a ON (a.code = w.area OR a.name = w.area)
   AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
