-- :name valid_unit_grids
SELECT id, ST_AsBinary(geom) FROM unit_grid
 WHERE initial_date <= civil_today() AND (change_date IS NULL OR change_date > civil_today())
 ORDER BY id

-- :name valid_responsibility_grids
SELECT id, ST_AsBinary(geom) FROM responsibility_grid
 WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())
 ORDER BY id

-- :name all_devices
SELECT id, key, enabled, area_code, unit_kind, org_unit_id, period_s FROM device

-- :name devices_by_key
SELECT id, key, enabled, area_code, unit_kind, org_unit_id, period_s FROM device WHERE key = ANY(:keys)

-- :name duties
-- Turns of duty for a responsibility grid that a fix of these days may fall into.
SELECT r.id, r.device_id, r.starts_at, r.ends_at, r.responsibility_grid_id, g.name, g.name_en
  FROM roster r JOIN responsibility_grid g ON g.id = r.responsibility_grid_id
 WHERE r.ends_at > now() - interval '2 days' AND r.starts_at < now() + interval '2 days'
 ORDER BY r.device_id, r.starts_at

-- :name alert_rules
-- All versions.
SELECT key, version, changed_at, unit_kinds, org_unit_ids, area_code, definition::text, zone_codes
  FROM alert_rule
 ORDER BY key, version

-- :name rule_shapes
-- The zones, areas and routes that rules are about, each as it was on record and in force, from when to when.
-- Null: for ever. An area's first day is that of its record, so it holds before.
WITH asked AS MATERIALIZED (SELECT DISTINCT unnest(zone_codes) AS code FROM alert_rule),
was AS MATERIALIZED (
  SELECT e.relation, e.row_id, e.content, e.geom, e.at AS until,
         lag(e.at) OVER (PARTITION BY e.relation, e.row_id ORDER BY e.id) AS since
    FROM edit_row e
   WHERE e.relation IN ('zone', 'area', 'route') AND e.content ->> 'code' IN (SELECT code FROM asked)
), shape AS (
  SELECT z.code, z.geom::geometry AS geom, z.valid_from, z.valid_to, NULL::timestamptz AS until,
         (SELECT max(w.until) FROM was w WHERE w.relation = 'zone' AND w.row_id = z.id) AS since
    FROM zone z WHERE z.code IN (SELECT code FROM asked)
   UNION ALL
  SELECT a.code, a.geom::geometry, NULL, a.valid_to::timestamp AT TIME ZONE 'Asia/Shanghai', NULL,
         (SELECT max(w.until) FROM was w WHERE w.relation = 'area' AND w.row_id = a.id)
    FROM area a WHERE a.code IN (SELECT code FROM asked)
   UNION ALL
  SELECT o.code, o.geom::geometry, NULL, NULL, NULL,
         (SELECT max(w.until) FROM was w WHERE w.relation = 'route' AND w.row_id = o.id)
    FROM route o WHERE o.code IN (SELECT code FROM asked)
   UNION ALL
  SELECT w.content ->> 'code', w.geom,
         CASE w.relation WHEN 'zone' THEN (w.content ->> 'valid_from')::timestamptz END,
         CASE w.relation WHEN 'zone' THEN (w.content ->> 'valid_to')::timestamptz
                         WHEN 'area' THEN (w.content ->> 'valid_to')::timestamp AT TIME ZONE 'Asia/Shanghai' END,
         w.until, w.since
    FROM was w
)
SELECT code, greatest(since, valid_from), least(until, valid_to), ST_AsBinary(geom)
  FROM shape WHERE geom IS NOT NULL

-- :name road_version
SELECT version FROM layer_version WHERE key = 'road'

-- :name roads_of_classes
SELECT road_class, ST_AsBinary(geom) FROM road WHERE road_class = ANY (CAST(:classes AS text[]))

-- :name device_states
-- With the last fix that the rules saw, which is another when the newest one was off duty (bit 16).
SELECT s.device_id, s.fix_time, s.lon, s.lat, s.speed_mps, s.rule_state,
       j.fix_time, j.lon, j.lat, j.speed_mps
  FROM device_state s
  LEFT JOIN LATERAL (SELECT s.fix_time, s.lon, s.lat, s.speed_mps WHERE s.flags & 16 = 0
                     UNION ALL
                     (SELECT f.fix_time, f.lon, f.lat, f.speed_mps FROM fix f
                       WHERE s.flags & 16 <> 0 AND f.device_id = s.device_id
                       ORDER BY f.fix_time DESC LIMIT 1)) AS j ON true

-- :name incoming_fixes
-- Fixes that may be there already.
CREATE TEMPORARY TABLE IF NOT EXISTS fix_incoming (
  device_id integer, fix_time timestamptz, received_at timestamptz,
  lon double precision, lat double precision, content bigint,
  altitude_m real, speed_mps real, course_deg real, accuracy_m real, satellites smallint, battery_pct smallint,
  unit_grid_id integer, responsibility_grid_id integer, flags integer, signals bigint
) ON COMMIT DELETE ROWS

-- :name incoming_states
-- One row a device: its newest fix. The speed is that of the way where the device tells none.
CREATE TEMPORARY TABLE IF NOT EXISTS state_incoming (
  device_id integer, fix_time timestamptz, received_at timestamptz, lon double precision, lat double precision,
  altitude_m real, speed_mps real, course_deg real, accuracy_m real, battery_pct smallint,
  unit_grid_id integer, responsibility_grid_id integer, flags integer, signals bigint
) ON COMMIT DELETE ROWS

-- :name copy_fixes
COPY fix (device_id, fix_time, received_at, lon, lat, content, altitude_m, speed_mps, course_deg, accuracy_m,
          satellites, battery_pct, unit_grid_id, responsibility_grid_id, flags, signals)
FROM STDIN (FORMAT binary)

-- :name copy_incoming_fixes
COPY fix_incoming FROM STDIN (FORMAT binary)

-- :name copy_incoming_states
COPY state_incoming FROM STDIN (FORMAT binary)

-- :name insert_late_fixes
-- A fix that is there already (same device, time and content) is left as it is. A device that has new ones of
-- before its newest (bit 1) is to be judged again from the earliest of them. What is there has no effect.
WITH new AS (
INSERT INTO fix (device_id, fix_time, received_at, lon, lat, content, altitude_m, speed_mps, course_deg,
                 accuracy_m, satellites, battery_pct, unit_grid_id, responsibility_grid_id, flags, signals)
SELECT device_id, fix_time, received_at, lon, lat, content, altitude_m, speed_mps, course_deg,
       accuracy_m, satellites, battery_pct, unit_grid_id, responsibility_grid_id, flags, signals
  FROM fix_incoming
    ON CONFLICT DO NOTHING
RETURNING device_id, fix_time, flags
), marked AS (
INSERT INTO rule_dirty AS m (device_id, since, until)
SELECT device_id, min(fix_time), max(fix_time) FROM new WHERE flags & 1 = 1 GROUP BY device_id
    ON CONFLICT (device_id) DO UPDATE
   SET since = least(m.since, excluded.since), until = greatest(m.until, excluded.until), last_at = now()
)
SELECT count(*) FROM new

-- :name write_checkpoints
INSERT INTO rule_checkpoint (device_id, through, lon, lat, speed_mps, states)
SELECT d.id, n.through, n.lon, n.lat, nullif(n.speed_mps, 'NaN'), n.states
  FROM unnest(CAST(:device_ids AS int[]), CAST(:throughs AS timestamptz[]), CAST(:lons AS float8[]),
              CAST(:lats AS float8[]), CAST(:speeds AS real[]), CAST(:states AS jsonb[]))
       AS n (device_id, through, lon, lat, speed_mps, states)
  JOIN device d ON d.id = n.device_id
    ON CONFLICT (device_id, through) DO UPDATE
   SET lon = excluded.lon, lat = excluded.lat, speed_mps = excluded.speed_mps, states = excluded.states

-- :name upsert_states
-- The newest fix of each device in the batch, unless the device has a newer one; and what the rules remember
-- of it, by rule: null forgets, a rule that is not named stays.
INSERT INTO device_state AS s (device_id, fix_time, received_at, lon, lat, altitude_m, speed_mps, course_deg,
                               accuracy_m, battery_pct, unit_grid_id, responsibility_grid_id, flags, signals,
                               changed_xid, rule_state)
SELECT i.device_id, i.fix_time, i.received_at, i.lon, i.lat, i.altitude_m, i.speed_mps, i.course_deg,
       i.accuracy_m, i.battery_pct, i.unit_grid_id, i.responsibility_grid_id, i.flags, i.signals,
       pg_current_xact_id()::text::bigint, coalesce(n.state, '{}')
  FROM state_incoming i
  LEFT JOIN json_to_recordset(CAST(:states AS json)) AS n (device_id integer, state jsonb) USING (device_id)
    ON CONFLICT (device_id) DO UPDATE
   SET fix_time = excluded.fix_time, received_at = excluded.received_at,
       lon = excluded.lon, lat = excluded.lat, altitude_m = excluded.altitude_m,
       speed_mps = excluded.speed_mps, course_deg = excluded.course_deg, accuracy_m = excluded.accuracy_m,
       battery_pct = coalesce(excluded.battery_pct, s.battery_pct),
       unit_grid_id = excluded.unit_grid_id, responsibility_grid_id = excluded.responsibility_grid_id,
       flags = excluded.flags, signals = excluded.signals, changed_xid = excluded.changed_xid,
       rule_state = CASE WHEN excluded.rule_state = '{}' THEN s.rule_state
                         ELSE jsonb_strip_nulls(s.rule_state || excluded.rule_state) END
 WHERE excluded.fix_time > s.fix_time

-- :name update_rule_states
-- Of devices without a newer fix in the batch; null forgets, a rule that is not named stays.
UPDATE device_state s
   SET rule_state = jsonb_strip_nulls(s.rule_state || n.state), changed_xid = pg_current_xact_id()::text::bigint
  FROM json_to_recordset(CAST(:states AS json)) AS n (device_id integer, state jsonb)
 WHERE s.device_id = n.device_id

-- :name update_connections
UPDATE device_state s
   SET connected = n.online, changed_xid = pg_current_xact_id()::text::bigint
  FROM unnest(CAST(:device_ids AS integer[]), CAST(:online AS boolean[])) AS n(device_id, online)
 WHERE s.device_id = n.device_id AND s.connected IS DISTINCT FROM n.online

-- :name open_alert
INSERT INTO alert (rule, rule_version, severity, device_id, area_code, opened_at, last_seen_at,
                   lon, lat, last_lon, last_lat, evidence)
SELECT :rule, :rule_version, :severity, d.id, d.area_code, :opened_at, :seen_at,
       :lon, :lat, :last_lon, :last_lat, CAST(:evidence AS jsonb)
  FROM device d WHERE d.id = :device_id
    ON CONFLICT (device_id, rule) WHERE closed_at IS NULL DO NOTHING
RETURNING outbox_append('alert', 'opened', area_code, alert_as_json(alert))

-- :name update_alert
UPDATE alert SET last_seen_at = :seen_at, last_lon = :last_lon, last_lat = :last_lat,
                 evidence = evidence || CAST(:evidence AS jsonb)
 WHERE device_id = :device_id AND rule = :rule AND closed_at IS NULL
RETURNING outbox_append('alert', 'updated', area_code, alert_as_json(alert))

-- :name close_alert
UPDATE alert SET closed_at = :closed_at, close_reason = :close_reason, last_seen_at = :seen_at,
                 last_lon = :last_lon, last_lat = :last_lat, evidence = evidence || CAST(:evidence AS jsonb)
 WHERE device_id = :device_id AND rule = :rule AND closed_at IS NULL
RETURNING outbox_append('alert', 'closed', area_code, alert_as_json(alert))

-- :name withdraw_alert
-- The next fix showed that there was no such silence.
WITH gone AS (
  UPDATE alert SET closed_at = greatest(now(), opened_at), close_reason = 'withdrawn', withdrawn_at = now()
   WHERE device_id = :device_id AND rule = :rule AND closed_at IS NULL
  RETURNING alert AS a
), logged AS (
  INSERT INTO alert_log (alert_id, event, detail)
  SELECT (a).id, 'withdrawn', jsonb_build_object('reason', 'next_fix') FROM gone
)
SELECT outbox_append('alert', 'withdrawn', (a).area_code, alert_as_json(a)) FROM gone

-- :name copy_dead_letters
COPY dead_letter (received_at, topic, device_key, reason, detail, payload) FROM STDIN (FORMAT binary)

-- :name reflag_fixes
-- Fixes that the next one showed to be jumps (32); until then they stood as leaps (64).
UPDATE fix f SET flags = f.flags & ~64 | 32
  FROM unnest(CAST(:device_ids AS int[]), CAST(:times AS timestamptz[]), CAST(:contents AS bigint[]))
       AS n (device_id, fix_time, content)
 WHERE f.device_id = n.device_id AND f.fix_time = n.fix_time AND f.content = n.content

-- :name write_clocks
INSERT INTO device_clock (device_id, offset_s)
SELECT d.id, n.offset_s
  FROM unnest(CAST(:device_ids AS int[]), CAST(:offsets AS real[])) AS n (device_id, offset_s)
  JOIN device d ON d.id = n.device_id
    ON CONFLICT (device_id) DO UPDATE SET offset_s = excluded.offset_s, found_at = now()

-- :name right_clocks
DELETE FROM device_clock WHERE device_id = ANY (:device_ids)

-- :name clocks
SELECT device_id, offset_s::float8 FROM device_clock

-- :name tally
INSERT INTO device_tally AS t (device_id, day, reason, count, last_at)
SELECT d.id, (now() AT TIME ZONE 'UTC')::date, n.reason, n.count, now()
  FROM unnest(CAST(:device_ids AS int[]), CAST(:reasons AS text[]), CAST(:counts AS bigint[]))
       AS n (device_id, reason, count)
  JOIN device d ON d.id = n.device_id
    ON CONFLICT (device_id, day, reason) DO UPDATE SET count = t.count + excluded.count, last_at = now()

-- :name announce
SELECT pg_notify('wanmi_live', '')

-- :name lock_partitions
-- Two processes never make the same partition.
SELECT pg_advisory_xact_lock(7823452)

-- :name known_partitions
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'fix'::regclass
