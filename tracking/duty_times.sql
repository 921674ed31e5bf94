-- :name off_duty_devices
-- Devices whose group does not keep everything: what becomes of positions outside duty, and before the
-- first turn of duty ever.
COPY (
  SELECT o.device_id,
         CASE o.outside WHEN 'keep' THEN 0 WHEN 'drop' THEN 1 ELSE 2 END,
         CASE o.unrostered WHEN 'keep' THEN 0 WHEN 'drop' THEN 1 ELSE 2 END,
         coalesce((extract(epoch FROM (SELECT min(r.starts_at) FROM roster r WHERE r.device_id = o.device_id)
                           - make_interval(secs => o.before_s)) * 1000000)::bigint, 9223372036854775807)
    FROM device_off_duty o
   WHERE o.outside <> 'keep' OR o.unrostered <> 'keep'
) TO STDOUT (FORMAT binary)

-- :name duty_spans
-- Times that count as duty, with the grace before and after, of a few days around now; without overlaps.
COPY (
  SELECT s.device_id, (extract(epoch FROM lower(s.span)) * 1000000)::bigint,
         (extract(epoch FROM upper(s.span)) * 1000000)::bigint
    FROM (SELECT r.device_id,
                 unnest(range_agg(tstzrange(r.starts_at - make_interval(secs => o.before_s),
                                            r.ends_at + make_interval(secs => o.after_s)))) AS span
            FROM device_off_duty o JOIN roster r ON r.device_id = o.device_id
           WHERE o.outside <> 'keep'
             AND r.ends_at > CAST(:since AS timestamptz) - interval '1 day'
             AND r.starts_at < CAST(:now AS timestamptz) + interval '2 days'
           GROUP BY r.device_id) AS s
   ORDER BY 1, 2
) TO STDOUT (FORMAT binary)

-- :name older_spans
-- The same of single devices, of turns that began before a moment.
SELECT s.device_id, (extract(epoch FROM lower(s.span)) * 1000000)::bigint,
       (extract(epoch FROM upper(s.span)) * 1000000)::bigint
  FROM (SELECT r.device_id,
               unnest(range_agg(tstzrange(r.starts_at - make_interval(secs => o.before_s),
                                          r.ends_at + make_interval(secs => o.after_s)))) AS span
          FROM device_off_duty o JOIN roster r ON r.device_id = o.device_id
         WHERE r.device_id = ANY (:device_ids) AND r.starts_at < CAST(:until AS timestamptz)
         GROUP BY r.device_id) AS s
 ORDER BY 1, 2
