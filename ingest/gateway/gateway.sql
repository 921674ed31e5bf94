-- :name gateway_devices
-- Enabled devices, as the gateway needs to know them.
SELECT id, key, terminal_number, token_hash, speed_unit FROM device WHERE enabled

-- :name take_commands
-- Commands that wait and are not too old, marked as sent. Skips what another gateway holds.
UPDATE device_command AS c
   SET state = 'sent', sent_at = now()
  FROM (SELECT id FROM device_command
         WHERE state = 'waiting' AND expires_at > now()
         ORDER BY requested_at
         FOR UPDATE SKIP LOCKED LIMIT :max_rows) AS due,
       device AS d
 WHERE c.id = due.id AND d.id = c.device_id
RETURNING c.id::text, d.key, c.kind, c.body, c.expires_at

-- :name finish_command
-- The device's answer; only the first one counts, and only of the device that was asked.
UPDATE device_command AS c
   SET state = CASE WHEN :done THEN 'done' ELSE 'failed' END, finished_at = now(), result = :result
  FROM device AS d
 WHERE c.id = :id AND d.id = c.device_id AND d.key = :device_key AND c.finished_at IS NULL
RETURNING c.id

-- :name expire_commands
-- Commands without an answer in their time.
UPDATE device_command
   SET state = 'expired', finished_at = now()
 WHERE finished_at IS NULL AND expires_at <= now()
RETURNING id
