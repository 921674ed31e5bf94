-- :name units
-- Enabled units in scope, with who or what they are and the responsibility grid of the present turn.
SELECT d.id, d.key AS device_key, d.unit_kind AS kind,
       coalesce(p.name, v.plate, d.key) AS name, coalesce(p.name_en, v.plate) AS name_en,
       o.name AS org_unit, o.name_en AS org_unit_en, d.area_code,
       duty.responsibility_grid_id, g.name AS responsibility_grid, g.name_en AS responsibility_grid_en
  FROM device d
  JOIN org_unit o ON o.id = d.org_unit_id
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
  LEFT JOIN LATERAL (SELECT r.responsibility_grid_id FROM roster r
                      WHERE r.device_id = d.id AND r.starts_at <= now() AND r.ends_at > now()
                      ORDER BY r.starts_at LIMIT 1) AS duty ON true
  LEFT JOIN responsibility_grid g ON g.id = duty.responsibility_grid_id
 WHERE d.enabled
   AND (CAST(:unit_id AS int) IS NULL OR d.id = :unit_id)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE d.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))
 ORDER BY d.id

-- :name unit_state
-- Where a unit is and how it does; no row for an unknown device, nulls for one that never reported.
-- Offline: no fix for three reporting periods. Moving: 0.5 m/s or more. Where a unit off duty is hidden, so is
-- its place.
SELECT s.fix_time, s.lon, s.lat, s.speed_mps, s.course_deg, s.accuracy_m, d_state.battery_pct,
       coalesce(s.flags, 0) AS flags, coalesce(s.signals, 0) AS signals, off.device_id IS NOT NULL AS off_duty,
       CASE WHEN EXISTS (SELECT 1 FROM alert a WHERE a.device_id = d.id AND a.closed_at IS NULL) THEN 'alert'
            WHEN s.fix_time IS NULL OR s.fix_time < now() - make_interval(secs => 3 * d.period_s) THEN 'offline'
            WHEN s.speed_mps >= 0.5 THEN 'moving' ELSE 'standing' END AS state,
       u.code AS unit_grid_code, g.id AS grid_id, g.name AS grid_name, g.name_en AS grid_name_en,
       (SELECT a.name FROM area a
         WHERE a.level = 'street' AND ST_Covers(a.geom, ST_Point(s.lon, s.lat, 4326))
           AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
         ORDER BY a.id LIMIT 1) AS street,
       (SELECT a.name FROM area a
         WHERE a.level = 'community' AND ST_Covers(a.geom, ST_Point(s.lon, s.lat, 4326))
           AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
         ORDER BY a.id LIMIT 1) AS community,
       p.mobile,
       turn.starts_at, turn.ends_at, turn.grid AS turn_grid, turn.grid_en AS turn_grid_en,
       turn.route AS turn_route, turn.route_en AS turn_route_en
  FROM device d
  LEFT JOIN unit_off_duty off ON off.device_id = d.id
  LEFT JOIN device_state d_state ON d_state.device_id = d.id
  LEFT JOIN device_state s ON s.device_id = d.id AND off.on_map IS DISTINCT FROM 'hidden'
  LEFT JOIN unit_grid u ON u.id = s.unit_grid_id
  LEFT JOIN responsibility_grid g ON g.id = s.responsibility_grid_id
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN LATERAL (SELECT r.starts_at, r.ends_at, rg.name AS grid, rg.name_en AS grid_en,
                            ro.name AS route, ro.name_en AS route_en
                       FROM roster r
                       LEFT JOIN responsibility_grid rg ON rg.id = r.responsibility_grid_id
                       LEFT JOIN route ro ON ro.id = r.route_id
                      WHERE r.device_id = d.id AND r.ends_at > now()
                      ORDER BY r.starts_at LIMIT 1) AS turn ON true
 WHERE d.id = :unit_id

-- :name track
-- Fixes of one device in a span of time, oldest first, packed (tracking.columns).
-- Index: ux_fix_device_id_fix_time_content in the daily partitions of the span.
SELECT string_agg(timestamptz_send(fix_time) || float8send(lon) || float8send(lat)
                  || float4send(coalesce(speed_mps, 'NaN')), ''::bytea ORDER BY fix_time)
  FROM (SELECT fix_time, lon, lat, speed_mps
          FROM fix
         WHERE device_id = :unit_id AND fix_time >= :from_time AND fix_time < :to_time
         ORDER BY fix_time
         LIMIT :max_fixes) AS f

-- :name directory
-- What a live view needs of every enabled unit.
SELECT d.id, d.unit_kind, d.area_code, d.org_unit_id, d.period_s
  FROM device d WHERE d.enabled ORDER BY d.id

-- :name directory_version
-- Changes when a unit is added, taken away, or shown under another name, place or duty.
SELECT md5(string_agg(concat_ws('|', d.id, d.key, d.unit_kind, d.area_code, d.org_unit_id, d.period_s,
                                p.name, p.name_en, v.plate, o.name, o.name_en, duty.responsibility_grid_id),
                      ',' ORDER BY d.id))
  FROM device d
  JOIN org_unit o ON o.id = d.org_unit_id
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
  LEFT JOIN LATERAL (SELECT r.responsibility_grid_id FROM roster r
                      WHERE r.device_id = d.id AND r.starts_at <= now() AND r.ends_at > now()
                      ORDER BY r.starts_at LIMIT 1) AS duty ON true
 WHERE d.enabled

-- :name changed_states
-- States written since then, and the horizon to ask from next time: what was not yet committed when
-- this statement began has a transaction id of at least its snapshot's xmin. Some rows come twice.
WITH asked AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon)
SELECT asked.horizon, s.device_id, s.lon, s.lat, s.course_deg, s.speed_mps,
       extract(epoch FROM s.fix_time)::float8 AS fix_time
  FROM asked LEFT JOIN device_state s ON s.changed_xid >= :since

-- :name hidden_units
SELECT device_id FROM unit_off_duty WHERE on_map = 'hidden'

-- :name on_duty
SELECT DISTINCT device_id FROM roster WHERE starts_at <= now() AND ends_at > now()

-- :name fixes_stored
-- Rows ever inserted into the fix table by the statistics collector: rises by the fixes of a second.
SELECT coalesce(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables
 WHERE schemaname = 'public' AND relname ~ '^fix_[0-9]{8}$'
   AND NOT EXISTS (SELECT FROM settled_day s WHERE relname = 'fix_' || to_char(s.day, 'YYYYMMDD'))

-- :name fixes_between
SELECT count(*) FROM fix WHERE fix_time >= :from_time AND fix_time < :to_time

-- :name alerts
-- Alerts in scope, newest first; before_time and before_id are the last row of the page before.
SELECT a.id, a.rule, a.rule_version, a.severity, a.device_id,
       coalesce(p.name, v.plate, d.key) AS unit_name, coalesce(p.name_en, v.plate) AS unit_name_en,
       d.unit_kind, a.opened_at, a.last_seen_at, a.closed_at, a.close_reason,
       a.lon, a.lat, a.last_lon, a.last_lat,
       seen.name AS acknowledged_by, a.acknowledged_at, done.name AS handled_by, a.note, a.area_code,
       a.evidence, a.withdrawn_at,
       (SELECT max(l.at) FROM alert_log l
         WHERE l.alert_id = a.id AND l.event IN ('corrected','reinstated')) AS corrected_at, d.org_unit_id
  FROM alert a
  JOIN device d ON d.id = a.device_id
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
  LEFT JOIN person seen ON seen.id = a.acknowledged_by
  LEFT JOIN person done ON done.id = a.handled_by
 WHERE (CAST(:is_open AS boolean) IS NULL OR (a.closed_at IS NULL) = :is_open)
   AND (CAST(:alert_ids AS int[]) IS NULL OR a.id = ANY (CAST(:alert_ids AS int[])))
   AND (CAST(:device_id AS int) IS NULL OR a.device_id = :device_id)
   AND (CAST(:rules AS text[]) IS NULL OR a.rule = ANY (CAST(:rules AS text[])))
   AND (CAST(:severities AS text[]) IS NULL OR a.severity = ANY (CAST(:severities AS text[])))
   AND (CAST(:area_code AS text) IS NULL OR starts_with(a.area_code, :area_code))
   AND (CAST(:from_time AS timestamptz) IS NULL OR a.opened_at >= :from_time)
   AND (CAST(:to_time AS timestamptz) IS NULL OR a.opened_at < :to_time)
   AND (CAST(:fate AS text) IS NULL OR CASE :fate
          WHEN 'acknowledged' THEN a.acknowledged_at IS NOT NULL
          WHEN 'unacknowledged' THEN a.acknowledged_at IS NULL
          WHEN 'handled' THEN a.handled_by IS NOT NULL
          WHEN 'withdrawn' THEN a.withdrawn_at IS NOT NULL
          WHEN 'corrected' THEN a.withdrawn_at IS NULL AND EXISTS (
               SELECT 1 FROM alert_log l WHERE l.alert_id = a.id AND l.event IN ('corrected','reinstated'))
        END)
   AND (CAST(:before_time AS timestamptz) IS NULL
        OR (a.opened_at, a.id) < (CAST(:before_time AS timestamptz), CAST(:before_id AS int)))
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE a.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))
 ORDER BY a.opened_at DESC, a.id DESC
 LIMIT :max_rows

-- :name alert_log
SELECT at, event, detail FROM alert_log WHERE alert_id = :alert_id ORDER BY id

-- :name lock_alert
SELECT a.id, a.closed_at, a.acknowledged_at, a.area_code, d.org_unit_id
  FROM alert a JOIN device d ON d.id = a.device_id
 WHERE a.id = :alert_id
   FOR UPDATE OF a

-- :name acknowledge_alert
UPDATE alert SET acknowledged_by = :person_id, acknowledged_at = now(), note = coalesce(:note, note)
 WHERE id = :alert_id

-- :name close_alert
UPDATE alert
   SET closed_at = greatest(now(), opened_at), close_reason = 'handled', handled_by = :person_id, note = :note
 WHERE id = :alert_id

-- :name close_alerts_of_device
-- A call for help is for people to end.
UPDATE alert
   SET closed_at = greatest(now(), opened_at), close_reason = 'handled', handled_by = :person_id, note = :note
 WHERE device_id = :device_id AND closed_at IS NULL AND rule <> 'sos'
RETURNING outbox_append('alert', 'closed', area_code, alert_as_json(alert))

-- :name note_alert
UPDATE alert SET note = :note, handled_by = :person_id WHERE id = :alert_id

-- :name append_alert_event
SELECT outbox_append('alert', :event, a.area_code, alert_as_json(a)) FROM alert a WHERE a.id = :alert_id

-- :name notify_live
SELECT pg_notify('wanmi_live', '')

-- :name alert_events
-- Alert news after a number, in the order of commits.
SELECT seq, event, (payload ->> 'id')::int AS alert_id
  FROM outbox
 WHERE seq > :after AND topic = 'alert'
 ORDER BY seq LIMIT :max_rows

-- :name last_event
SELECT coalesce(max(seq), 0) FROM outbox

-- :name alerts_opened_since
SELECT a.area_code, d.org_unit_id, count(*) AS opened
  FROM alert a JOIN device d ON d.id = a.device_id
 WHERE a.opened_at >= :from_time AND a.withdrawn_at IS NULL
 GROUP BY a.area_code, d.org_unit_id

-- :name alert_count
SELECT count(*) FILTER (WHERE a.closed_at IS NULL) AS open,
       count(*) FILTER (WHERE a.opened_at >= :from_time AND a.withdrawn_at IS NULL) AS today
  FROM alert a JOIN device d ON d.id = a.device_id
 WHERE (a.closed_at IS NULL OR a.opened_at >= :from_time)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE a.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))

-- :name unit_counts
-- Units in scope by kind: all, on duty now, heard of within three periods, and of these moving.
SELECT d.unit_kind AS kind, count(*) AS total,
       count(*) FILTER (WHERE EXISTS (SELECT 1 FROM roster r WHERE r.device_id = d.id
                                         AND r.starts_at <= now() AND r.ends_at > now())) AS on_duty,
       count(*) FILTER (WHERE s.fix_time >= now() - make_interval(secs => 3 * d.period_s)) AS online,
       count(*) FILTER (WHERE s.fix_time >= now() - make_interval(secs => 3 * d.period_s)
                          AND s.speed_mps >= 0.5) AS moving
  FROM device d LEFT JOIN device_state s ON s.device_id = d.id
 WHERE d.enabled
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s2 (a, o)
                WHERE d.area_code LIKE s2.a AND (s2.o IS NULL OR d.org_unit_id = s2.o))
 GROUP BY d.unit_kind
