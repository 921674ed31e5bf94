-- :name next_dirty
-- A device whose late fixes have come to rest, or have been waiting for too long.
SELECT device_id, since, until, cause FROM rule_dirty
 WHERE (last_at <= now() - make_interval(secs => :quiet_s)
        OR first_at <= now() - make_interval(secs => :longest_s))
   AND (cause = 'late_fixes' OR NOT :late_only)
 ORDER BY first_at, device_id
 LIMIT 1
   FOR UPDATE SKIP LOCKED

-- :name clean
DELETE FROM rule_dirty WHERE device_id = :device_id

-- :name mark_since
-- Devices with fixes of after a change of the rules that were judged before it was known.
INSERT INTO rule_dirty AS m (device_id, since, until, cause)
SELECT device_id, :since, now(), 'rules' FROM device_state WHERE fix_time >= :since
    ON CONFLICT (device_id) DO UPDATE
   SET since = least(m.since, excluded.since), until = greatest(m.until, excluded.until), last_at = now(),
       cause = excluded.cause

-- :name put_off
UPDATE rule_dirty SET first_at = now() + interval '10 minutes', last_at = now() + interval '10 minutes'
 WHERE device_id = :device_id

-- :name announce
SELECT pg_notify('wanmi_live', '')

-- :name checkpoint_before
SELECT through, lon, lat, speed_mps, states::text FROM rule_checkpoint
 WHERE device_id = :device_id AND through < :since
 ORDER BY through DESC LIMIT 1

-- :name checkpoints_from
SELECT through, lon, lat, speed_mps, states::text FROM rule_checkpoint
 WHERE device_id = :device_id AND through >= :since
 ORDER BY through

-- :name forget_checkpoints
DELETE FROM rule_checkpoint
 WHERE device_id = :device_id AND through >= :since
   AND through <= coalesce(CAST(:until AS timestamptz), 'infinity')

-- :name thin_checkpoints
-- Of days gone by one checkpoint is enough; it costs a longer way to judge again what comes so late.
DELETE FROM rule_checkpoint c
 WHERE c.through < now() - interval '2 days' AND c.through >= now() - interval '4 days'
   AND EXISTS (SELECT FROM rule_checkpoint o
                WHERE o.device_id = c.device_id AND o.through < c.through
                  AND o.through >= date_trunc('day', c.through, 'UTC'))

-- :name forget_old_checkpoints
DELETE FROM rule_checkpoint WHERE through < now() - make_interval(days => :days)

-- :name fixes_after
-- By time and content; the place in that order of the last one read says where to go on.
SELECT fix_time, content, lon, lat,
       coalesce(altitude_m, 'NaN') AS altitude_m, coalesce(speed_mps, 'NaN') AS speed_mps,
       coalesce(course_deg, 'NaN') AS course_deg, coalesce(accuracy_m, 'NaN') AS accuracy_m,
       coalesce(satellites, -1::smallint) AS satellites, coalesce(battery_pct, -1::smallint) AS battery_pct,
       coalesce(unit_grid_id, 0) AS unit_grid_id, coalesce(responsibility_grid_id, 0) AS grid_id,
       flags, coalesce(signals, 0) AS signals
  FROM fix
 WHERE device_id = :device_id AND fix_time >= :after_time
   AND (fix_time, content) > (CAST(:after_time AS timestamptz), CAST(:after_content AS bigint))
 ORDER BY fix_time, content
 LIMIT :max_rows

-- :name duties_of
SELECT r.id, r.device_id, r.starts_at, r.ends_at, r.responsibility_grid_id, g.name, g.name_en
  FROM roster r JOIN responsibility_grid g ON g.id = r.responsibility_grid_id
 WHERE r.device_id = :device_id AND r.ends_at > :from_time
 ORDER BY r.starts_at

-- :name alerts_from
SELECT id, rule, opened_at, last_seen_at, closed_at, close_reason, lon, lat, last_lon, last_lat,
       withdrawn_at IS NOT NULL, evidence
  FROM alert
 WHERE device_id = :device_id AND opened_at >= :from_time
 ORDER BY opened_at, id
   FOR UPDATE

-- :name withdraw
WITH gone AS (
  UPDATE alert SET closed_at = coalesce(closed_at, greatest(now(), opened_at)), withdrawn_at = now(),
                   close_reason = CASE WHEN close_reason = 'handled' THEN close_reason ELSE 'withdrawn' END
   WHERE id = :alert_id
  RETURNING alert AS a
), logged AS (
  INSERT INTO alert_log (alert_id, event, detail) SELECT (a).id, 'withdrawn', CAST(:detail AS jsonb) FROM gone
)
SELECT outbox_append('alert', 'withdrawn', (a).area_code, alert_as_json(a)) FROM gone

-- :name correct
-- One that a person has closed stays closed as he did.
WITH changed AS (
  UPDATE alert SET opened_at = :opened_at, lon = :lon, lat = :lat, last_seen_at = :seen_at,
                   last_lon = :last_lon, last_lat = :last_lat,
                   closed_at = CASE WHEN close_reason = 'handled' THEN closed_at
                                    ELSE CAST(:closed_at AS timestamptz) END,
                   close_reason = CASE WHEN close_reason = 'handled' THEN close_reason
                                       ELSE CAST(:close_reason AS text) END,
                   evidence = CASE WHEN :whole THEN CAST(:evidence AS jsonb)
                                   ELSE evidence || CAST(:evidence AS jsonb) END,
                   withdrawn_at = NULL
   WHERE id = :alert_id
  RETURNING alert AS a
), logged AS (
  INSERT INTO alert_log (alert_id, event, detail) SELECT (a).id, :event, CAST(:detail AS jsonb) FROM changed
)
SELECT outbox_append('alert', 'corrected', (a).area_code, alert_as_json(a)) FROM changed

-- :name add
WITH added AS (
  INSERT INTO alert (rule, rule_version, severity, device_id, area_code, opened_at, last_seen_at,
                     closed_at, close_reason, lon, lat, last_lon, last_lat, evidence)
  SELECT :rule, :rule_version, :severity, d.id, d.area_code, :opened_at, :seen_at,
         CAST(:closed_at AS timestamptz), CAST(:close_reason AS text), :lon, :lat, :last_lon, :last_lat,
         CAST(:evidence AS jsonb)
    FROM device d WHERE d.id = :device_id
  RETURNING alert AS a
)
SELECT outbox_append('alert', CASE WHEN (a).closed_at IS NULL THEN 'opened' ELSE 'corrected' END,
                     (a).area_code, alert_as_json(a))
  FROM added

-- :name put_states
UPDATE device_state SET rule_state = CAST(:states AS jsonb), changed_xid = pg_current_xact_id()::text::bigint
 WHERE device_id = :device_id
