-- :name fix_columns
-- A device's fixes with marks instead of nulls, times in microseconds since 1970; as tracking.geoparquet has
-- them.
SELECT device_id, (extract(epoch FROM fix_time) * 1000000)::bigint, (extract(epoch FROM received_at) * 1000000)::bigint,
       lon, lat, content, coalesce(altitude_m, 'NaN'), coalesce(speed_mps, 'NaN'), coalesce(course_deg, 'NaN'),
       coalesce(accuracy_m, 'NaN'), coalesce(satellites, -1), coalesce(battery_pct, -1), coalesce(unit_grid_id, 0),
       coalesce(responsibility_grid_id, 0), flags, coalesce(signals, (-9223372036854775808)::bigint)
  FROM fix
 WHERE device_id = :device_id AND fix_time >= :from_time AND fix_time < :to_time
 ORDER BY fix_time

-- :name archive_files
-- Files that alone hold the fixes of days of the span.
SELECT archive_file FROM settled_day
 WHERE day BETWEEN :first_day AND :last_day AND dropped_at IS NOT NULL AND archive_file IS NOT NULL ORDER BY day
