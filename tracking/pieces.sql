-- :name lock_slicing
-- One process makes pieces of running days.
SELECT pg_advisory_lock(7823481)

-- :name unlock_slicing
SELECT pg_advisory_unlock(7823481)

-- :name clock
SELECT now()

-- :name through
SELECT through FROM piece_day WHERE day = :day

-- :name settled
SELECT settled_at IS NOT NULL FROM settled_day WHERE day = :day

-- :name grown
-- Bytes by which a running day has grown since its last slice.
SELECT pg_relation_size(to_regclass(:partition)) - bytes FROM piece_day WHERE day = :day

-- :name summarize
-- Index by time: what was written since the last time.
SELECT brin_summarize_new_values(i.indexrelid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
 WHERE i.indrelid = to_regclass(:partition) AND a.amname = 'brin'

-- :name add_pieces
-- In the order of the primary key: what is asked for together lies together.
INSERT INTO track_piece (day, cell, device_id, first_time, last_time, fixes, parts, points)
SELECT :day, piece_cell(lon, lat), device_id, min(fix_time), max(fix_time), count(*), bit_or(piece_part(lon, lat)),
       string_agg(timestamptz_send(fix_time) || float8send(lon) || float8send(lat), ''::bytea)
  FROM fix
 WHERE fix_time >= :from_time AND fix_time < :to_time
   AND (CAST(:device_ids AS int[]) IS NULL OR device_id = ANY (:device_ids))
 GROUP BY 2, 3, date_bin('10 minutes', fix_time, '2000-01-01 00:00+00')
 ORDER BY 2, 3

-- :name drop_pieces
DELETE FROM track_piece
 WHERE day = :day AND (CAST(:device_ids AS int[]) IS NULL OR device_id = ANY (:device_ids))

-- :name take_marks
-- For each device the ten minutes that late fixes fell into; those that follow one another as one.
WITH taken AS (DELETE FROM late_fix WHERE day = :day RETURNING device_id, since, until)
SELECT device_id, lower(span), upper(span)
  FROM (SELECT device_id,
               unnest(range_agg(tstzrange(date_bin('10 minutes', since, '2000-01-01 00:00+00'),
                                          date_bin('10 minutes', until, '2000-01-01 00:00+00')
                                          + interval '10 minutes'))) AS span
          FROM taken GROUP BY device_id) AS spans

-- :name drop_pieces_within
DELETE FROM track_piece p
 USING unnest(CAST(:device_ids AS int[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
       AS w (device_id, since, until)
 WHERE p.day = :day AND p.device_id = w.device_id AND p.first_time >= w.since AND p.first_time < w.until

-- :name add_pieces_within
-- Index: ux_fix_device_id_fix_time_content of the day's partition.
INSERT INTO track_piece (day, cell, device_id, first_time, last_time, fixes, parts, points)
SELECT :day, piece_cell(lon, lat), device_id, min(fix_time), max(fix_time), count(*), bit_or(piece_part(lon, lat)),
       string_agg(timestamptz_send(fix_time) || float8send(lon) || float8send(lat), ''::bytea)
  FROM unnest(CAST(:device_ids AS int[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
       AS w (device, since, until)
 CROSS JOIN LATERAL (
       SELECT device_id, fix_time, lon, lat FROM fix
        WHERE device_id = w.device AND fix_time >= w.since AND fix_time < w.until
          AND fix_time >= :from_time AND fix_time < :to_time
       OFFSET 0) AS f
 GROUP BY 2, 3, date_bin('10 minutes', fix_time, '2000-01-01 00:00+00')
 ORDER BY 2, 3

-- :name note_through
INSERT INTO piece_day (day, through, bytes)
VALUES (:day, :through, coalesce(pg_relation_size(to_regclass(:partition)), 0))
    ON CONFLICT (day) DO UPDATE SET through = excluded.through, bytes = excluded.bytes

-- :name days_without_pieces
-- Settled days, the newest first, whose pieces were never made.
SELECT s.day FROM settled_day s LEFT JOIN piece_day p ON p.day = s.day
 WHERE s.settled_at IS NOT NULL AND s.dropped_at IS NULL AND p.day IS NULL
 ORDER BY s.day DESC
