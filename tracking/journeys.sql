-- :name day_fixes
-- Fixes of a device in a span of time, in the order in which they came, packed (tracking.columns).
-- Index: ux_fix_device_id_fix_time_content in the daily partitions of the span.
SELECT string_agg(timestamptz_send(fix_time) || timestamptz_send(received_at) || float8send(lon) || float8send(lat)
                  || float4send(coalesce(speed_mps, 'NaN')) || float4send(coalesce(course_deg, 'NaN'))
                  || int4send(coalesce(responsibility_grid_id, 0)), ''::bytea ORDER BY received_at, fix_time)
  FROM fix
 WHERE device_id = :unit_id AND fix_time >= :from_time AND fix_time < :to_time

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
