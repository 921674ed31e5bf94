-- :name areas_on
-- Areas as they were on a day with their bounds in degrees, larger ones first.
SELECT id, code, level, name, name_en, parent_code, valid_from, valid_to,
       ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north,
       CASE WHEN :shapes THEN ST_AsGeoJSON(geom, 6)::json END AS geometry
  FROM area
 WHERE valid_from <= coalesce(CAST(:on AS date), civil_today())
   AND (valid_to IS NULL OR valid_to > coalesce(CAST(:on AS date), civil_today()))
   AND (CAST(:parent_code AS text) IS NULL OR parent_code = :parent_code)
   AND (CAST(:level AS text) IS NULL OR level = :level)
 ORDER BY length(code), code

-- :name area_history
SELECT id, code, level, name, name_en, parent_code, valid_from, valid_to,
       ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north,
       CASE WHEN :shapes THEN ST_AsGeoJSON(geom, 7)::json END AS geometry
  FROM area
 WHERE code = :code
   AND (CAST(:on AS date) IS NULL
        OR (valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)))
 ORDER BY valid_from DESC

-- :name area_names
-- Periods of areas by code or name, also those that are over; what is valid today comes first.
SELECT id, code, level, name, name_en, parent_code, valid_from, valid_to,
       ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north
  FROM area
 WHERE strpos(name, :text) > 0 OR strpos(lower(coalesce(name_en, '')), lower(:text)) > 0
    OR code LIKE regexp_replace(:text, '[^0-9]', '-', 'g') || '%'
 ORDER BY valid_to IS NOT NULL, length(code), code, valid_from DESC LIMIT :max_rows

-- :name cut
-- Parts of an area's present shape on both sides of a line, west to east.
SELECT ST_AsGeoJSON(part.geom, 8)::json AS geometry, ST_Area(part.geom::geography) AS area_m2
  FROM area a, LATERAL ST_Dump(ST_Split(a.geom, ST_SetSRID(ST_GeomFromGeoJSON(CAST(:line AS text)), 4326))) AS part
 WHERE a.code = :code AND a.valid_to IS NULL
 ORDER BY ST_X(ST_Centroid(part.geom))

-- :name touched
-- What stands under codes that end or change on a day: unit grids keep the code of a community.
SELECT (SELECT count(*) FROM unit_grid n WHERE n.change_date IS NULL AND n.community_code LIKE ANY (:patterns)) AS unit_grids,
       (SELECT count(*) FROM responsibility_grid g WHERE g.area_code LIKE ANY (:patterns)
           AND (g.valid_to IS NULL OR g.valid_to > :on)) AS responsibility_grids,
       (SELECT count(*) FROM component c WHERE c.area_code LIKE ANY (:patterns)) AS components,
       (SELECT count(*) FROM zone z WHERE z.area_code LIKE ANY (:patterns)
           AND (z.valid_to IS NULL OR z.valid_to > now())) AS zones

-- :name successions
-- With the names both had at the time.
SELECT s.kind, s.predecessor_code, s.successor_code, s.on_date, s.document,
       (SELECT name FROM area a WHERE a.code = s.predecessor_code AND a.valid_from < s.on_date
         ORDER BY valid_from DESC LIMIT 1) AS predecessor_name,
       (SELECT name FROM area a WHERE a.code = s.successor_code AND a.valid_from <= s.on_date
         ORDER BY valid_from DESC LIMIT 1) AS successor_name
  FROM area_succession s
 WHERE s.predecessor_code = :code OR s.successor_code = :code
 ORDER BY s.on_date DESC, s.predecessor_code, s.successor_code

-- :name lock_areas
-- The rows valid on the day itself or last before it, locked against other changes.
SELECT id, code, level, name, name_en, parent_code, valid_from, valid_to, attributes, geom IS NULL AS shapeless
  FROM area
 WHERE code = ANY (CAST(:codes AS text[])) AND valid_to IS NULL
 ORDER BY code FOR UPDATE

-- :name check_shape
-- A shape given as GeoJSON: what is wrong with it, whether it has a surface, and how far it lies in
-- and beyond its parent (m²).
WITH given AS (
  SELECT ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326) AS geom
), parent AS (
  SELECT geom FROM area WHERE code = :parent_code AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)
)
SELECT ST_IsValidReason(g.geom) AS reason, ST_Dimension(g.geom) AS dimension, ST_IsEmpty(g.geom) AS empty,
       ST_Area(g.geom::geography) AS area_m2,
       (SELECT ST_Area(ST_Difference(g.geom, p.geom)::geography) FROM parent p
         WHERE ST_IsValid(g.geom) AND p.geom IS NOT NULL) AS beyond_m2
  FROM given g

-- :name insert_area
INSERT INTO area (code, level, name, name_en, parent_code, valid_from, source, source_key, attributes, geom)
VALUES (:code, :level, :name, :name_en, :parent_code, :on, 'edit', :code, CAST(:attributes AS jsonb),
        ST_Multi(ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326))))
RETURNING id

-- :name insert_area_like
-- The area from the day on, with what is new; the shape of the old row where none is given.
INSERT INTO area (code, level, name, name_en, parent_code, valid_from, source, source_key, attributes, geom)
SELECT code, level, :name, :name_en, :parent_code, :on, 'edit', code, attributes,
       CASE WHEN CAST(:geometry AS text) IS NULL THEN geom
            ELSE ST_Multi(ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326))) END
  FROM area WHERE id = :id
RETURNING id

-- :name insert_merged
INSERT INTO area (code, level, name, name_en, parent_code, valid_from, source, source_key, geom)
SELECT :code, :level, :name, :name_en, :parent_code, :on, 'edit', :code, ST_Multi(ST_Union(geom))
  FROM area WHERE id = ANY (CAST(:ids AS int[]))
RETURNING id

-- :name end_areas
UPDATE area SET valid_to = :on WHERE id = ANY (CAST(:ids AS int[]))

-- :name insert_succession
INSERT INTO area_succession (kind, predecessor_code, successor_code, on_date, document)
VALUES (:kind, :predecessor_code, :successor_code, :on, :document)

-- :name split_difference
-- How far the parts and the whole differ, and how much the parts overlap, in m².
WITH whole AS (SELECT geom FROM area WHERE id = :whole_id),
     parts AS (SELECT ST_Union(geom) AS geom, sum(ST_Area(geom::geography)) AS area_m2
                 FROM area WHERE id = ANY (CAST(:ids AS int[])))
SELECT ST_Area(w.geom::geography) AS whole_m2,
       ST_Area(ST_SymDifference(w.geom, p.geom)::geography) AS differing_m2,
       p.area_m2 - ST_Area(p.geom::geography) AS overlapping_m2
  FROM whole w, parts p

-- :name codes_inside
-- Areas of the day whose parent ends with it.
SELECT code, name FROM area
 WHERE parent_code = ANY (CAST(:codes AS text[])) AND (valid_to IS NULL OR valid_to > :on) ORDER BY code LIMIT 5

-- :name bump_areas
SELECT bump_layers(ARRAY['area_district', 'area_street', 'area_community', 'area_label'])
