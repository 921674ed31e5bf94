-- :name nearest_component
-- The component in use nearest to a point within about 300 m, of those areas. Index: ix_component_geom.
SELECT code, name,
       ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography) AS distance_m
  FROM publish.component
 WHERE geom && ST_Expand(ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326), 0.003)
   AND (%(areas)s::text[] IS NULL OR area_code LIKE ANY (%(areas)s::text[]))
 ORDER BY geom <-> ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) LIMIT 1
