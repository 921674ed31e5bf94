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
SELECT r.id, r.starts_at, r.ends_at, r.responsibility_grid_id AS grid_id, g.name AS grid, o.name AS route,
       g.name_en AS grid_en, o.name_en AS route_en
  FROM roster r
  LEFT JOIN responsibility_grid g ON g.id = r.responsibility_grid_id
  LEFT JOIN route o ON o.id = r.route_id
 WHERE r.device_id = :unit_id AND r.starts_at < :to_time AND r.ends_at > :from_time
 ORDER BY r.starts_at

-- :name patrol_points
SELECT id, name, name_en, ST_X(geom) AS lon, ST_Y(geom) AS lat
  FROM patrol_point WHERE responsibility_grid_id = :grid_id ORDER BY id
