-- :name day_states
-- Days of the span that are settled, and those whose fixes lie in an archive file only.
SELECT day, settled_at IS NOT NULL AND dropped_at IS NULL AS settled, dropped_at IS NOT NULL AS dropped
  FROM settled_day WHERE day BETWEEN :first_day AND :last_day

-- :name by_index
-- One cell after the other, from the index alone.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_material', 'off', true), set_config('work_mem', '64MB', true)

-- :name as_ever
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
       set_config('enable_mergejoin', 'on', true), set_config('enable_bitmapscan', 'on', true),
       set_config('enable_material', 'on', true), set_config('work_mem', '16MB', true)

-- :name seen_in_cells
-- Units with a fix in runs of cells on settled days. Cells far apart may share a number: hence the box.
-- Index: the one by place of each settled partition, which holds all that is asked for.
-- OFFSET 0 keeps the runs outside and the index scan inside.
SELECT f.device_id, min(f.fix_time) AS first_seen, max(f.fix_time) AS last_seen, count(*) AS fixes
  FROM unnest(CAST(:low AS int[]), CAST(:high AS int[]), CAST(:inside AS boolean[])) AS r (low, high, inside)
 CROSS JOIN LATERAL (
       SELECT device_id, fix_time, lon, lat FROM fix
        WHERE fix_cell(lon, lat) BETWEEN r.low AND r.high
          AND fix_time >= :from_time AND fix_time < :to_time
          AND lon BETWEEN :west AND :east AND lat BETWEEN :south AND :north
       OFFSET 0) AS f
 WHERE r.inside OR ST_Intersects(CAST(:shape AS geometry), ST_Point(f.lon, f.lat, 4326))
 GROUP BY f.device_id

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
-- Units with a fix in the polygon on days not settled yet.
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
