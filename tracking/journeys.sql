-- :name day_fixes
-- Fixes of a device in a span of time, in the order in which they came.
-- Index: ux_fix_device_id_fix_time_content in the daily partitions of the span.
SELECT (extract(epoch FROM fix_time) * 1000000)::bigint AS time_us,
       (extract(epoch FROM received_at) * 1000000)::bigint AS received_us,
       lon, lat, coalesce(speed_mps, 'NaN') AS speed_mps, coalesce(course_deg, 'NaN') AS course_deg,
       coalesce(responsibility_grid_id, 0) AS grid_id
  FROM fix
 WHERE device_id = :unit_id AND fix_time >= :from_time AND fix_time < :to_time
 ORDER BY received_at, fix_time

-- :name day_turns
SELECT r.id, r.starts_at, r.ends_at, r.responsibility_grid_id AS grid_id, g.name AS grid, o.name AS route
  FROM roster r
  LEFT JOIN responsibility_grid g ON g.id = r.responsibility_grid_id
  LEFT JOIN route o ON o.id = r.route_id
 WHERE r.device_id = :unit_id AND r.starts_at < :to_time AND r.ends_at > :from_time
 ORDER BY r.starts_at

-- :name patrol_points
SELECT id, name, name_en, ST_X(geom) AS lon, ST_Y(geom) AS lat
  FROM patrol_point WHERE responsibility_grid_id = :grid_id ORDER BY id

-- :name nearest_units
-- Units that report and have a turn of duty now or none ever; nearest first (spheroid). Busy: an alert is
-- open about them.
SELECT d.id AS unit_id, d.unit_kind AS kind, coalesce(p.name, v.plate, d.key) AS name,
       coalesce(p.name_en, v.plate) AS name_en, s.lon, s.lat, s.fix_time,
       ST_Distance(ST_Point(s.lon, s.lat, 4326)::geography, ST_Point(:lon, :lat, 4326)::geography) AS distance_m,
       EXISTS (SELECT 1 FROM alert a WHERE a.device_id = d.id AND a.closed_at IS NULL) AS busy
  FROM device_state s
  JOIN device d ON d.id = s.device_id AND d.enabled
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
 WHERE s.fix_time >= now() - make_interval(secs => 3 * d.period_s)
   AND (CAST(:kind AS text) IS NULL OR d.unit_kind = :kind)
   AND (CAST(:busy AS boolean) IS NULL
        OR EXISTS (SELECT 1 FROM alert a WHERE a.device_id = d.id AND a.closed_at IS NULL) = :busy)
   AND (EXISTS (SELECT 1 FROM roster r WHERE r.device_id = d.id AND r.starts_at <= now() AND r.ends_at > now())
        OR NOT EXISTS (SELECT 1 FROM roster r WHERE r.device_id = d.id))
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS x (a, o)
                WHERE d.area_code LIKE x.a AND (x.o IS NULL OR d.org_unit_id = x.o))
 ORDER BY distance_m, d.id
 LIMIT :max_rows
