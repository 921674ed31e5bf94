-- :name outages
SELECT starts_at, ends_at FROM outage
 WHERE ends_at IS NULL OR ends_at > now() - interval '400 days'
 ORDER BY starts_at

-- :name begin
INSERT INTO outage (starts_at)
SELECT :since WHERE NOT EXISTS (SELECT FROM outage WHERE ends_at IS NULL)

-- :name finish
UPDATE outage SET ends_at = :until WHERE ends_at IS NULL

-- :name alive
INSERT INTO ingest_alive (at) VALUES (:now) ON CONFLICT (one) DO UPDATE SET at = excluded.at

-- :name alive_at
SELECT at FROM ingest_alive

-- :name add
INSERT INTO outage (starts_at, ends_at) VALUES (:since, :until)
