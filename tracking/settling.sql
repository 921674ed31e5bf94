-- :name lock_settling
-- One process settles, archives or drops days.
SELECT pg_advisory_lock(7823480)

-- :name unlock_settling
SELECT pg_advisory_unlock(7823480)

-- :name days_to_settle
-- Days that are over for an hour and not settled: nobody writes to them but for late fixes.
SELECT to_date(substr(c.relname, 5), 'YYYYMMDD') AS day
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'fix'::regclass
   AND to_date(substr(c.relname, 5), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC' - interval '25 hours')::date + 1
   AND (now() AT TIME ZONE 'UTC') >= to_date(substr(c.relname, 5), 'YYYYMMDD') + interval '25 hours'
   AND NOT EXISTS (SELECT FROM settled_day s
                    WHERE s.day = to_date(substr(c.relname, 5), 'YYYYMMDD') AND s.settled_at IS NOT NULL)
 ORDER BY day

-- :name days_out_of_date
SELECT DISTINCT l.day FROM late_fix l JOIN settled_day s ON s.day = l.day
 WHERE s.settled_at IS NOT NULL AND s.dropped_at IS NULL
 ORDER BY l.day

-- :name take_late
DELETE FROM late_fix WHERE day = :day RETURNING device_id

-- :name drop_cells
DELETE FROM track_cell WHERE day = :day AND (CAST(:device_ids AS int[]) IS NULL OR device_id = ANY (:device_ids))

-- :name add_cells
INSERT INTO track_cell (day, cell, device_id, first_time, last_time, fixes)
SELECT :day, fix_cell_coarse(lon, lat), device_id, min(fix_time), max(fix_time), count(*)
  FROM fix
 WHERE fix_time >= :from_time AND fix_time < :to_time
   AND (CAST(:device_ids AS int[]) IS NULL OR device_id = ANY (:device_ids))
 GROUP BY 2, 3

-- :name devices_of_day
SELECT device_id, count(*) FROM fix
 WHERE fix_time >= :from_time AND fix_time < :to_time
   AND (CAST(:device_ids AS int[]) IS NULL OR device_id = ANY (:device_ids))
 GROUP BY device_id ORDER BY device_id

-- :name day_columns
SELECT device_id, fix_time, lon, lat FROM fix
 WHERE fix_time >= :from_time AND fix_time < :to_time AND device_id = ANY (:device_ids)
 ORDER BY device_id, fix_time

-- :name put_track_days
INSERT INTO track_day AS t (device_id, day, first_time, last_time, fixes, mileage_m, mileage_error_m, geom)
SELECT n.device_id, :day, n.first_time, n.last_time, n.fixes, n.mileage_m, n.error_m, ST_GeomFromWKB(n.wkb, 4326)
  FROM unnest(CAST(:device_ids AS int[]), CAST(:first_times AS timestamptz[]), CAST(:last_times AS timestamptz[]),
              CAST(:counts AS int[]), CAST(:mileages AS float8[]), CAST(:errors AS float8[]),
              CAST(:lines AS bytea[]))
       AS n (device_id, first_time, last_time, fixes, mileage_m, error_m, wkb)
 WHERE EXISTS (SELECT FROM device d WHERE d.id = n.device_id)
    ON CONFLICT (device_id, day) DO UPDATE
   SET first_time = excluded.first_time, last_time = excluded.last_time, fixes = excluded.fixes,
       mileage_m = excluded.mileage_m, mileage_error_m = excluded.mileage_error_m, geom = excluded.geom

-- :name note_settled
INSERT INTO settled_day (day, settled_at) VALUES (:day, now())
    ON CONFLICT (day) DO UPDATE SET settled_at = now(), dropped_at = NULL

-- :name note_late
-- The file, if there is one, is no longer as the day is.
UPDATE settled_day SET archived_at = NULL WHERE day = :day
