-- :name request_rerun
-- Ask ingest to decode these letters again. Those whose message was not kept whole cannot be; those of
-- which nothing is left need not. All parameters but most are optional.
UPDATE dead_letter SET rerun_requested_at = now()
 WHERE id IN (SELECT id FROM dead_letter
               WHERE (CAST(:ids AS bigint[]) IS NULL OR id = ANY (CAST(:ids AS bigint[])))
                 AND (CAST(:reason AS text) IS NULL OR reason = :reason)
                 AND (CAST(:device_key AS text) IS NULL OR device_key = :device_key)
                 AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)
                 AND (CAST(:until AS timestamptz) IS NULL OR received_at < :until)
                 AND (rerun_at IS NULL OR rerun_reason IS NOT NULL)
                 AND rerun_requested_at IS NULL
                 AND octet_length(payload) BETWEEN 1 AND 65535
               ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id

-- :name requested
-- Index: ix_dead_letter_rerun.
SELECT id, topic, payload, received_at FROM dead_letter
 WHERE rerun_requested_at IS NOT NULL ORDER BY id LIMIT :most

-- :name note_rerun
UPDATE dead_letter d
   SET rerun_requested_at = NULL, rerun_at = now(), rerun_fixes = n.fixes, rerun_reason = n.reason
  FROM unnest(CAST(:ids AS bigint[]), CAST(:fixes AS int[]), CAST(:reasons AS text[])) AS n (id, fixes, reason)
 WHERE d.id = n.id

-- :name letters
SELECT id, received_at, topic, device_key, reason, detail, octet_length(payload) AS size_bytes,
       rerun_requested_at, rerun_at, rerun_fixes, rerun_reason
  FROM dead_letter
 WHERE (CAST(:reason AS text) IS NULL OR reason = :reason)
   AND (CAST(:device_key AS text) IS NULL OR device_key = :device_key)
 ORDER BY id DESC LIMIT :most

-- :name raw
SELECT payload FROM dead_letter WHERE id = :id
