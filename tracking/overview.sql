-- :name way_days
-- The days of a unit, as rolled up.
SELECT day, first_time, last_time, fixes, mileage_m, mileage_error_m, ST_AsBinary(geom) AS line
  FROM track_day
 WHERE device_id = :unit_id AND day >= :from_day AND day < :to_day
 ORDER BY day

-- :name raw_day
-- Fixes of a day that is not rolled up, or no longer as it was, packed (tracking.columns).
SELECT string_agg(timestamptz_send(fix_time) || float8send(lon) || float8send(lat), ''::bytea ORDER BY fix_time)
  FROM fix
 WHERE device_id = :unit_id AND fix_time >= :from_time AND fix_time < :to_time

-- :name late_days
SELECT DISTINCT day FROM late_fix WHERE device_id = :unit_id AND day BETWEEN :from_day AND :to_day

-- :name rolled_days
-- Civil days that are rolled up: the day of UTC of the same date is settled.
SELECT day FROM settled_day WHERE settled_at IS NOT NULL AND day >= :from_day AND day < :to_day
