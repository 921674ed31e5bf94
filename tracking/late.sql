-- :name late_before
SELECT moment FROM late_before

-- :name mark_late
-- What is rolled up of these devices is out of date within these bounds now (see tracking.late).
INSERT INTO late_fix (day, device_id, since, until)
SELECT n.day, n.device_id, n.since, n.until
  FROM unnest(CAST(:days AS date[]), CAST(:device_ids AS int[]), CAST(:sinces AS timestamptz[]),
              CAST(:untils AS timestamptz[])) AS n (day, device_id, since, until)

-- :name raise_late_before
UPDATE late_before SET moment = greatest(moment, :moment)

-- :name writers
-- Transactions that have written fixes, or are about to, and are not at their end.
SELECT DISTINCT virtualtransaction
  FROM pg_locks
 WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (relation = 'fix'::regclass
        OR relation IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'fix'::regclass))
