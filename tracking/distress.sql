-- :name hear
-- What is known of a device's calls for help: whether this one is told already, the open alert, and whether the
-- button was still held from a call that was handled.
SELECT EXISTS (SELECT FROM alert a WHERE a.device_id = :device_id AND a.rule = 'sos'
                  AND a.opened_at <= :opened_at AND a.last_seen_at >= :seen_at) AS told,
       (SELECT a.id FROM alert a WHERE a.device_id = :device_id AND a.rule = 'sos' AND a.closed_at IS NULL) AS open_id,
       EXISTS (SELECT FROM alert a WHERE a.device_id = :device_id AND a.rule = 'sos'
                  AND a.closed_at > CAST(:opened_at AS timestamptz) - interval '10 minutes')
       AND coalesce((SELECT f.signals & 1 FROM fix f
                      WHERE f.device_id = :device_id AND f.fix_time < :opened_at
                        AND f.fix_time > CAST(:opened_at AS timestamptz) - interval '10 minutes'
                      ORDER BY f.fix_time DESC LIMIT 1), 0) = 1 AS held

-- :name open
-- Without a position of its own: where the device was last, or in its area.
INSERT INTO alert (rule, severity, device_id, area_code, opened_at, last_seen_at, lon, lat, last_lon, last_lat, evidence)
SELECT 'sos', 'critical', d.id, d.area_code, :opened_at, :seen_at, p.lon, p.lat,
       coalesce(CAST(:last_lon AS float8), p.lon), coalesce(CAST(:last_lat AS float8), p.lat),
       CAST(:evidence AS jsonb)
  FROM device d
  LEFT JOIN device_state s ON s.device_id = d.id
  LEFT JOIN area a ON a.code = d.area_code AND a.valid_to IS NULL,
       LATERAL (SELECT coalesce(CAST(:lon AS float8), s.lon, ST_X(ST_PointOnSurface(a.geom)), 0) AS lon,
                       coalesce(CAST(:lat AS float8), s.lat, ST_Y(ST_PointOnSurface(a.geom)), 0) AS lat) AS p
 WHERE d.id = :device_id
    ON CONFLICT (device_id, rule) WHERE closed_at IS NULL DO NOTHING
RETURNING outbox_append('alert', 'opened', area_code, alert_as_json(alert))

-- :name go_on
-- Told again at most every ten seconds; the alert ends by hand only.
UPDATE alert SET opened_at = least(opened_at, :opened_at), last_seen_at = greatest(last_seen_at, :seen_at),
                 last_lon = coalesce(CAST(:last_lon AS float8), last_lon),
                 last_lat = coalesce(CAST(:last_lat AS float8), last_lat),
                 evidence = evidence || jsonb_build_object('last_signals', CAST(:evidence AS jsonb) -> 'signals')
 WHERE id = :open_id
   AND (last_seen_at <= CAST(:seen_at AS timestamptz) - interval '10 seconds' OR opened_at > :opened_at)
RETURNING outbox_append('alert', 'updated', area_code, alert_as_json(alert))
