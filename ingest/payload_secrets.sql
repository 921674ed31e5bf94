-- :name payload_secrets
-- Of enabled devices that encrypt their payloads.
SELECT key, payload_secret FROM device WHERE enabled AND payload_secret IS NOT NULL
