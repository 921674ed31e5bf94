-- :name devices
-- Enabled devices of people and vehicles of the demo, with where they were last.
SELECT d.id, d.key, d.unit_kind, d.period_s, coalesce(p.login, 'person-' || p.id, v.plate) AS carrier,
       s.lon, s.lat, s.battery_pct
  FROM device d
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
  LEFT JOIN device_state s ON s.device_id = d.id
 WHERE d.enabled AND d.key ~ '^(ins|veh)[0-9]+$'
 ORDER BY d.id

-- :name turns
-- Turns of duty that are on now or begin within a day.
SELECT r.device_id, extract(epoch FROM r.starts_at)::float8 AS starts, extract(epoch FROM r.ends_at)::float8 AS ends,
       r.responsibility_grid_id, r.route_id
  FROM roster r
 WHERE r.ends_at > now() AND r.starts_at < now() + interval '1 day'
 ORDER BY r.device_id, r.starts_at

-- :name places_of_work
-- The last known grid and route of each device, for those whose rosters have run out.
SELECT DISTINCT ON (device_id) device_id, responsibility_grid_id, route_id
  FROM roster ORDER BY device_id, starts_at DESC

-- :name grids
-- Responsibility grids in use, and the share of their ground under buildings (narrow streets, poor sky).
SELECT g.id, ST_AsBinary(g.geom) AS geom,
       coalesce((SELECT sum(ST_Area(b.geom)) FROM building b WHERE b.geom && g.geom AND ST_Intersects(ST_Centroid(b.geom), g.geom)), 0)
       / ST_Area(g.geom) AS built
  FROM responsibility_grid g
 WHERE g.id = ANY (:ids)

-- :name routes
SELECT id, ST_AsBinary(geom) AS geom FROM route WHERE id = ANY (:ids)

-- :name roads
-- Roads within about 500 m of where the units work.
SELECT road_class, ST_AsBinary(geom) AS geom
  FROM road
 WHERE geom && (SELECT ST_Expand(ST_Extent(e.geom)::geometry, 0.005)
                  FROM (SELECT geom FROM responsibility_grid WHERE id = ANY (:grids)
                        UNION ALL SELECT geom FROM route WHERE id = ANY (:routes)) e)
 ORDER BY id

-- :name prolong_rosters
-- The demo's rosters repeat every eight days: shifted copies up to a week from now, where they end sooner.
WITH demo AS (
  SELECT r.device_id, max(r.starts_at) AS last FROM roster r JOIN device d ON d.id = r.device_id
   WHERE d.key ~ '^(ins|veh)[0-9]+$' GROUP BY r.device_id
)
INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id, route_id)
SELECT r.device_id, r.starts_at + n * interval '8 days', r.ends_at + n * interval '8 days',
       r.responsibility_grid_id, r.route_id
  FROM demo JOIN roster r ON r.device_id = demo.device_id AND r.starts_at > demo.last - interval '8 days'
 CROSS JOIN LATERAL generate_series(
         1, ceil(extract(epoch FROM now() + interval '7 days' - demo.last) / 691200)::int) AS n
 WHERE r.ends_at + n * interval '8 days' > now()
   AND r.starts_at + n * interval '8 days' < now() + interval '7 days'
