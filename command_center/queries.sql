-- :name schema_revisions
SELECT version_num FROM alembic_version

-- :name system_figures
-- Sizes in bytes, lag in seconds.
SELECT current_setting('server_version') AS version, postgis_lib_version() AS postgis,
       pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
       CAST(current_setting('max_connections') AS int) AS max_connections,
       s.last_received_at, EXTRACT(epoch FROM now() - s.last_received_at) AS lag_s,
       s.devices_heard_last_minute,
       (SELECT count(*) FROM dead_letter
         WHERE received_at >= date_trunc('day', now(), 'Asia/Shanghai')) AS dead_letters_today,
       (SELECT count(*) FROM login_session WHERE expires_at > now()) AS sessions
  FROM (SELECT max(received_at) AS last_received_at,
               count(*) FILTER (WHERE received_at > now() - interval '1 minute') AS devices_heard_last_minute
          FROM device_state) AS s
