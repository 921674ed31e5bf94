-- :name add_command
INSERT INTO device_command (device_id, kind, body, requested_by, expires_at)
VALUES (:device_id, :kind, CAST(:body AS jsonb), :requested_by, now() + :within_s * interval '1 s')
RETURNING id, device_id, kind, body, requested_at, expires_at, state, sent_at, finished_at, result

-- :name recent_commands
SELECT id, device_id, kind, body, requested_at, expires_at, state, sent_at, finished_at, result
  FROM device_command WHERE device_id = :device_id ORDER BY requested_at DESC LIMIT :max_rows

-- :name open_commands
SELECT count(*) FROM device_command WHERE device_id = :device_id AND finished_at IS NULL

-- :name device_enabled
SELECT enabled FROM device WHERE id = :device_id

-- :name mobile
SELECT p.mobile FROM device d JOIN person p ON p.id = d.person_id WHERE d.id = :device_id
