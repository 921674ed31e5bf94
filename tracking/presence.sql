-- :name day_states
-- Days of the span: which are settled, of which the fixes lie in an archive file only, and up to when
-- there are pieces.
SELECT day, coalesce(s.settled_at IS NOT NULL AND s.dropped_at IS NULL, false) AS settled,
       coalesce(s.dropped_at IS NOT NULL, false) AS dropped, p.through
  FROM settled_day s FULL JOIN piece_day p USING (day)
 WHERE day BETWEEN :first_day AND :last_day

-- :name by_index
-- For seen_in_pieces. A sort in place of hashing looks as cheap beside what the planner takes the rest to cost.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true), set_config('work_mem', '64MB', true)

-- :name by_time
-- For seen_lately. Index: the one by time (BRIN) of the partitions.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'on', true)

-- :name as_ever
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true),
       set_config('enable_sort', 'on', true), set_config('work_mem', '16MB', true)

-- :name seen_in_pieces
-- Units with a fix in cells, on days that have their pieces. A piece counts as a whole when the polygon fills all
-- parts of the cell that it touches and it lies within the span. One that touches no part near the polygon is
-- passed over. The others are told as they are, a row a day: whose they are with their number of fixes, and the
-- fixes. The ten minutes of a device that late fixes fell into are read from the fixes themselves.
-- edges: whether the span begins or ends within the day. filled: coarse cells that are asked for elsewhere.
-- Index: pk_track_piece, which holds all that tells which pieces to open. OFFSET 0 keeps the cells outside and
-- the index scan inside.
WITH late AS MATERIALIZED (
SELECT device_id,
       unnest(range_agg(tstzrange(date_bin('10 minutes', since, '2000-01-01 00:00+00'),
                                  date_bin('10 minutes', until, '2000-01-01 00:00+00')
                                  + interval '10 minutes'))) AS span
  FROM late_fix WHERE day = ANY (CAST(:days AS date[])) GROUP BY device_id
)
SELECT device_id, min(first_time) AS first_seen, max(last_time) AS last_seen, sum(fixes)::bigint AS fixes,
       NULL::bytea AS devices, NULL::bytea AS points
  FROM (SELECT p.device_id, p.first_time, p.last_time, p.fixes
          FROM unnest(CAST(:days AS date[])) AS d (day)
         CROSS JOIN unnest(CAST(:low AS int[]), CAST(:high AS int[]), CAST(:inside AS bigint[]))
                    AS r (low, high, inside)
         CROSS JOIN LATERAL (
               SELECT device_id, first_time, last_time, fixes, parts FROM track_piece
                WHERE day = d.day AND cell BETWEEN r.low AND r.high
                  AND first_time >= :from_time AND last_time < :to_time AND parts & ~r.inside = 0
               OFFSET 0) AS p
         WHERE NOT EXISTS (SELECT FROM late l WHERE l.device_id = p.device_id AND p.first_time <@ l.span)
         UNION ALL
        SELECT l.device_id, f.fix_time, f.fix_time, 1
          FROM late l
         CROSS JOIN LATERAL (
               SELECT fix_time, lon, lat FROM fix
                WHERE device_id = l.device_id AND fix_time >= lower(l.span) AND fix_time < upper(l.span)
                  AND fix_time >= :from_time AND fix_time < :to_time
               OFFSET 0) AS f
         WHERE f.lon BETWEEN :west AND :east AND f.lat BETWEEN :south AND :north
           AND fix_cell_coarse(f.lon, f.lat) <> ALL (CAST(:filled AS int[]))
           AND ST_Intersects(CAST(:shape AS geometry), ST_Point(f.lon, f.lat, 4326))) AS seen
 GROUP BY device_id
 UNION ALL
SELECT NULL, NULL, NULL, NULL, string_agg(int4send(p.device_id) || int4send(p.fixes), ''::bytea),
       string_agg(p.points, ''::bytea)
  FROM unnest(CAST(:days AS date[]), CAST(:edges AS boolean[])) AS d (day, edge)
 CROSS JOIN unnest(CAST(:low AS int[]), CAST(:high AS int[]), CAST(:inside AS bigint[]), CAST(:near AS bigint[]))
            AS r (low, high, inside, near)
 CROSS JOIN LATERAL (
       SELECT k.device_id, k.first_time, k.fixes, o.points
         FROM (SELECT cell, device_id, first_time, fixes FROM track_piece
                WHERE day = d.day AND cell BETWEEN r.low AND r.high
                  AND first_time < :to_time AND last_time >= :from_time AND parts & r.near <> 0
                  AND (parts & ~r.inside <> 0 OR first_time < :from_time OR last_time >= :to_time)
               OFFSET 0) AS k
        CROSS JOIN LATERAL (
               SELECT points FROM track_piece
                WHERE day = d.day AND cell = k.cell AND device_id = k.device_id AND first_time = k.first_time
               OFFSET 0) AS o
       OFFSET 0) AS p
 WHERE (d.edge OR r.inside <> -1)
   AND NOT EXISTS (SELECT FROM late l WHERE l.device_id = p.device_id AND p.first_time <@ l.span)
 GROUP BY d.day

-- :name seen_on_whole_days
-- Units in coarse cells that the polygon fills, on settled days from end to end: as rolled up, and for
-- devices whose day is out of date from the fixes themselves.
WITH late AS MATERIALIZED (SELECT DISTINCT day, device_id FROM late_fix WHERE day = ANY (CAST(:days AS date[])))
SELECT device_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(fixes)::bigint AS fixes
  FROM (SELECT t.device_id, t.first_time AS first_seen, t.last_time AS last_seen, t.fixes
          FROM track_cell t
         WHERE t.day = ANY (CAST(:days AS date[])) AND t.cell = ANY (CAST(:cells AS int[]))
           AND NOT EXISTS (SELECT FROM late l WHERE l.day = t.day AND l.device_id = t.device_id)
         UNION ALL
        SELECT f.device_id, f.fix_time, f.fix_time, 1
          FROM late l
          JOIN fix f ON f.device_id = l.device_id AND f.fix_time >= l.day::timestamp AT TIME ZONE 'UTC'
           AND f.fix_time < (l.day + 1)::timestamp AT TIME ZONE 'UTC'
         WHERE fix_cell_coarse(f.lon, f.lat) = ANY (CAST(:cells AS int[]))) AS seen
 GROUP BY device_id

-- :name seen_lately
-- Units with a fix in the polygon at times that have no pieces yet.
SELECT f.device_id, min(f.fix_time) AS first_seen, max(f.fix_time) AS last_seen, count(*) AS fixes
  FROM fix f
 WHERE f.fix_time >= :from_time AND f.fix_time < :to_time
   AND f.lon BETWEEN :west AND :east AND f.lat BETWEEN :south AND :north
   AND ST_Intersects(CAST(:shape AS geometry), ST_Point(f.lon, f.lat, 4326))
 GROUP BY f.device_id

-- :name visitors
-- Who they are, of the reader's scope.
SELECT d.id AS unit_id, d.unit_kind AS kind, coalesce(p.name, v.plate, d.key) AS name,
       coalesce(p.name_en, v.plate) AS name_en, p.id AS person_id
  FROM device d
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
 WHERE d.id = ANY (CAST(:device_ids AS int[]))
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE d.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))
