-- :name nearest_component
-- The component nearest to a point within about 300 m. Index: ix_component_geom.
SELECT code, name, ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography) AS distance_m
  FROM component
 WHERE geom && ST_Expand(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0.003)
 ORDER BY geom <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) LIMIT 1

-- :name use_add
INSERT INTO gazetteer_use (base, chosen) VALUES (:base, 1)
ON CONFLICT (base) DO UPDATE SET chosen = gazetteer_use.chosen + 1

-- :name grid_by_code
SELECT ST_X(p), ST_Y(p), code
  FROM (SELECT code, ST_PointOnSurface(geom) AS p FROM unit_grid WHERE code = :code) AS cell

-- :name component_by_code
SELECT ST_X(p), ST_Y(p), name
  FROM (SELECT name, ST_PointOnSurface(geom) AS p FROM component WHERE code = :code) AS thing
