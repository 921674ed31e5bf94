-- :name newest_states
SELECT DISTINCT ON (rule) rule, tick, groups::text FROM gathering_state ORDER BY rule, tick DESC

-- :name tick_before
SELECT max(tick) FROM gathering_state WHERE tick <= :tick

-- :name states_of
SELECT rule, groups::text FROM gathering_state WHERE tick = :tick

-- :name put_states
INSERT INTO gathering_state (rule, tick, groups)
SELECT * FROM unnest(CAST(:rules AS text[]), CAST(:ticks AS timestamptz[]), CAST(:groups AS jsonb[]))
    ON CONFLICT (rule, tick) DO UPDATE SET groups = excluded.groups

-- :name forget_states
DELETE FROM gathering_state WHERE tick >= :since AND tick <= :until

-- :name thin_states
-- Of days gone by one an hour is enough.
DELETE FROM gathering_state
 WHERE tick < now() - make_interval(days => :days)
    OR tick < now() - interval '2 days' AND extract(epoch FROM tick)::bigint % 3600 <> 0

-- :name mark
-- Spans of ticks that fixes made untrue which came after they were looked at.
INSERT INTO gathering_dirty AS m (bucket, until)
SELECT n.bucket, max(n.until)
  FROM unnest(CAST(:buckets AS timestamptz[]), CAST(:untils AS timestamptz[])) AS n (bucket, until)
 GROUP BY n.bucket
    ON CONFLICT (bucket) DO UPDATE SET until = greatest(m.until, excluded.until), last_at = clock_timestamp()

-- :name first_dirty
-- The earliest span at rest, or that has waited for too long.
SELECT bucket FROM gathering_dirty
 WHERE bucket < :reached AND until <= :reached
   AND (last_at <= now() - make_interval(secs => :quiet_s) OR first_at <= now() - make_interval(secs => :longest_s))
 ORDER BY bucket LIMIT 1

-- :name dirty_at
SELECT last_at FROM gathering_dirty WHERE bucket = :bucket

-- :name clean
DELETE FROM gathering_dirty WHERE bucket = :bucket AND last_at <= :last_at AND until <= :reached

-- :name fixes_between
SELECT device_id, fix_time, content, lon, lat FROM fix
 WHERE fix_time > :after AND fix_time <= :until

-- :name fixes_of_between
SELECT device_id, fix_time, content, lon, lat FROM fix
 WHERE fix_time > :after AND fix_time <= :until AND device_id = ANY (CAST(:device_ids AS int[]))

-- :name last_before
-- Where units were at a moment that have told a later place since. Index: the unique one of each day.
SELECT d.id AS device_id, f.fix_time, f.content, f.lon, f.lat
  FROM unnest(CAST(:device_ids AS int[])) AS d (id)
 CROSS JOIN LATERAL (SELECT fix_time, content, lon, lat FROM fix
                      WHERE device_id = d.id AND fix_time <= :tick AND fix_time > :after
                      ORDER BY fix_time DESC, content DESC LIMIT 1) AS f

-- :name leaders
SELECT DISTINCT device_id FROM alert
 WHERE rule = :rule AND opened_at > :after AND opened_at <= :until AND withdrawn_at IS NULL

-- :name announce
SELECT pg_notify('wanmi_live', '')
