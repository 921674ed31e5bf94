-- :name nearest_component
-- The component nearest to a point within about 300 m. Index: ix_component_geom.
SELECT code, name, ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography) AS distance_m
  FROM component
 WHERE geom && ST_Expand(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0.003)
 ORDER BY geom <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) LIMIT 1

-- :name use_add
INSERT INTO gazetteer_use (base, chosen) VALUES (:base, 1)
ON CONFLICT (base) DO UPDATE SET chosen = gazetteer_use.chosen + 1

-- :name aliases
SELECT id, name, base, status, created_at FROM gazetteer_name
 WHERE CAST(:q AS text) IS NULL OR name LIKE :q || '%' OR base LIKE :q || '%'
 ORDER BY name, base LIMIT :max_rows

-- :name alias_remove
DELETE FROM gazetteer_name WHERE id = :id RETURNING name

-- :name base_known
SELECT 1 FROM gazetteer_entry WHERE base = :base LIMIT 1

-- :name sources
SELECT s.id, s.key, s.priority, s.quality, s.datum, s.dated, s.imported_at, count(e.id) AS entries
  FROM gazetteer_source s LEFT JOIN gazetteer_entry e ON e.source_id = s.id
 GROUP BY s.id ORDER BY s.priority, s.key

-- :name source_change
UPDATE gazetteer_source SET priority = :priority, quality = :quality WHERE id = :id RETURNING key

-- :name source_remove
DELETE FROM gazetteer_source WHERE id = :id RETURNING key

-- :name conflicts
-- One address, two sources, points more than :apart_m metres from one another; the farthest first.
SELECT a.base, a.number, a.unit, a.district, sa.key AS source, sb.key AS other_source,
       a.lon, a.lat, b.lon AS other_lon, b.lat AS other_lat,
       ST_Distance(a.geom::geography, b.geom::geography) AS apart_m
  FROM gazetteer_entry a
  JOIN gazetteer_entry b ON b.base = a.base AND b.number = a.number AND b.unit = a.unit
                        AND b.tail = a.tail AND b.mark = a.mark AND b.district = a.district
                        AND b.source_id > a.source_id
  JOIN gazetteer_source sa ON sa.id = a.source_id
  JOIN gazetteer_source sb ON sb.id = b.source_id
 WHERE a.number > 0 AND NOT ST_DWithin(a.geom::geography, b.geom::geography, :apart_m)
 ORDER BY apart_m DESC LIMIT :max_rows

-- :name shared_points
-- Points that several different addresses share: fall-backs of whoever located them.
SELECT lon, lat, count(DISTINCT (base, number)) AS addresses, min(display) AS example
  FROM gazetteer_entry WHERE number > 0
 GROUP BY lon, lat HAVING count(DISTINCT (base, number)) >= 4
 ORDER BY addresses DESC LIMIT :max_rows

-- :name outside
-- Points outside the district their source claims, for districts that have a shape.
SELECT e.display, e.district, e.lon, e.lat, s.key AS source,
       ST_Distance(a.geom::geography, e.geom::geography) AS outside_m
  FROM gazetteer_entry e
  JOIN gazetteer_source s ON s.id = e.source_id
  JOIN area a ON a.level = 'district' AND a.name = e.district AND a.geom IS NOT NULL
             AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date)
 WHERE NOT ST_Intersects(a.geom, e.geom)
 ORDER BY outside_m DESC LIMIT :max_rows

-- :name grid_by_code
SELECT ST_X(p), ST_Y(p), code
  FROM (SELECT code, ST_PointOnSurface(geom) AS p FROM unit_grid WHERE code = :code) AS cell

-- :name component_by_code
SELECT ST_X(p), ST_Y(p), name
  FROM (SELECT name, ST_PointOnSurface(geom) AS p FROM component WHERE code = :code) AS thing
