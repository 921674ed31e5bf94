-- :name archive_columns
-- The fixes of some devices of a day, with marks instead of nulls; in the order of the file.
SELECT device_id, fix_time, received_at, lon, lat, content,
       coalesce(altitude_m, 'NaN') AS altitude_m, coalesce(speed_mps, 'NaN') AS speed_mps,
       coalesce(course_deg, 'NaN') AS course_deg, coalesce(accuracy_m, 'NaN') AS accuracy_m,
       coalesce(satellites, -1::smallint) AS satellites, coalesce(battery_pct, -1::smallint) AS battery_pct,
       coalesce(unit_grid_id, 0) AS unit_grid_id, coalesce(responsibility_grid_id, 0) AS responsibility_grid_id,
       flags, coalesce(signals, (-9223372036854775808)::bigint) AS signals
  FROM fix
 WHERE fix_time >= :from_time AND fix_time < :to_time AND device_id = ANY (:device_ids)
 ORDER BY device_id, fix_time, content

-- :name box_of_day
SELECT min(lon), min(lat), max(lon), max(lat) FROM fix WHERE fix_time >= :from_time AND fix_time < :to_time

-- :name has_late
SELECT EXISTS (SELECT FROM late_fix WHERE day = :day)

-- :name note_archived
UPDATE settled_day SET archived_at = now(), archive_file = :file, archive_fixes = :fixes, archive_sum = :rows_sum,
                       archive_sm3 = :sm3
 WHERE day = :day

-- :name day
SELECT day, settled_at, archived_at, archive_file, archive_fixes, archive_sum, archive_sm3, dropped_at, restored_at
  FROM settled_day WHERE day = :day

-- :name days
SELECT s.day, s.settled_at, s.archived_at, s.archive_file, s.archive_fixes, s.dropped_at, s.restored_at,
       to_regclass('fix_' || to_char(s.day, 'YYYYMMDD')) IS NOT NULL AS present
  FROM settled_day s ORDER BY s.day

-- :name days_to_archive
-- Settled days that are old enough and not in a file, or not as they are now.
SELECT day FROM settled_day
 WHERE settled_at IS NOT NULL AND dropped_at IS NULL AND archived_at IS NULL AND day < :before ORDER BY day

-- :name days_to_drop
SELECT day FROM settled_day
 WHERE archived_at IS NOT NULL AND dropped_at IS NULL AND day < :before
   AND (restored_at IS NULL OR restored_at < now() - make_interval(days => :restored_days))
 ORDER BY day

-- :name days_come_back
-- Days that were dropped and for which fixes came late.
SELECT day FROM settled_day
 WHERE dropped_at IS NOT NULL AND to_regclass('fix_' || to_char(day, 'YYYYMMDD')) IS NOT NULL ORDER BY day

-- :name note_dropped
UPDATE settled_day SET dropped_at = now(), restored_at = NULL WHERE day = :day

-- :name drop_cells_of_day
WITH cells AS (DELETE FROM track_cell WHERE day = :day), pieces AS (DELETE FROM track_piece WHERE day = :day)
DELETE FROM piece_day WHERE day = :day

-- :name note_restored
UPDATE settled_day SET restored_at = now(), archived_at = NULL WHERE day = :day

-- :name files_to_delete
-- Archive files beyond their time, of days that are dropped.
SELECT day, archive_file FROM settled_day
 WHERE dropped_at IS NOT NULL AND archive_file IS NOT NULL AND day < :before ORDER BY day

-- :name note_deleted
UPDATE settled_day SET archive_file = NULL, archived_at = NULL WHERE day = :day

-- :name drop_letters
DELETE FROM dead_letter WHERE received_at < now() - make_interval(days => :days)
