-- :name audit_entries
-- Newest first; a page ends before :before.
SELECT id, at, actor_id, actor, action, object_kind, object_id, detail, request_id, host(ip) AS ip
  FROM audit
 WHERE id < :before
   AND (CAST(:actor_id AS int) IS NULL OR actor_id = :actor_id)
   AND (CAST(:action AS text) IS NULL OR action LIKE :action)
   AND (CAST(:object_kind AS text) IS NULL OR object_kind = :object_kind)
   AND (CAST(:object_id AS text) IS NULL OR object_id = :object_id)
   AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
 ORDER BY id DESC LIMIT :max_rows

-- :name dead_letters
-- Newest first; a page ends before :before.
SELECT id, received_at, topic, device_key, reason, detail, octet_length(payload) AS size_bytes,
       substring(payload FOR :shown) AS payload, rerun_requested_at, rerun_at, rerun_fixes, rerun_reason
  FROM dead_letter
 WHERE id < :before
   AND (CAST(:reason AS text) IS NULL OR reason = :reason)
   AND (CAST(:device_key AS text) IS NULL OR device_key = :device_key)
   AND (NOT :left OR rerun_at IS NULL OR rerun_reason IS NOT NULL)
 ORDER BY id DESC LIMIT :max_rows

-- :name dead_letter_reasons
SELECT reason, count(*) FROM dead_letter WHERE received_at > now() - interval '1 day' GROUP BY reason ORDER BY reason
