-- :name insert_task
INSERT INTO import_task (person_id, file_name, file_sha256, file_bytes)
VALUES (:person_id, :file_name, :file_sha256, :file_bytes) RETURNING id

-- :name set_inspection
UPDATE import_task SET inspection = CAST(:inspection AS jsonb), refusal = CAST(:refusal AS jsonb),
       state = CASE WHEN CAST(:refusal AS jsonb) IS NULL THEN 'uploaded' ELSE 'refused' END,
       changed_at = now()
 WHERE id = :id

-- :name tasks
-- Own ones; with the right for the whole city everybody's.
SELECT t.id, t.file_name, t.file_bytes, t.state, t.dry_run, t.options, t.read, t.total, t.report, t.refusal,
       t.import_run_id, t.created_at, t.changed_at, p.id AS person_id, p.name AS person, p.name_en AS person_en
  FROM import_task AS t JOIN person AS p ON p.id = t.person_id
 WHERE (:everybody OR t.person_id = :person_id) AND t.id < :before
 ORDER BY t.id DESC LIMIT :max_rows

-- :name task
SELECT t.id, t.file_name, t.file_bytes, t.state, t.dry_run, t.options, t.inspection, t.read, t.total, t.report,
       t.refusal, t.import_run_id, t.created_at, t.changed_at, p.id AS person_id, p.name AS person,
       p.name_en AS person_en, p.login
  FROM import_task AS t JOIN person AS p ON p.id = t.person_id
 WHERE t.id = :id AND (:everybody OR t.person_id = :person_id)

-- :name lock_task
SELECT state FROM import_task WHERE id = :id FOR UPDATE

-- :name queue_task
UPDATE import_task SET state = 'queued', dry_run = :dry_run, options = CAST(:options AS jsonb), read = 0,
       total = NULL, report = NULL, refusal = NULL, changed_at = now()
 WHERE id = :id

-- :name close_dead_tasks
-- A living worker marks its task every few seconds.
UPDATE import_task SET state = 'refused', changed_at = now(),
       refusal = jsonb_build_object('slug', 'interrupted', 'zh', '导入进程中断，没有导入任何数据',
                                    'en', 'the import''s process ended before it was done; nothing was imported')
 WHERE state = 'running' AND changed_at < now() - interval '1 minute'

-- :name cancel_task
-- What waits ends at once; what runs is told, and ends by itself with nothing kept.
UPDATE import_task SET state = CASE state WHEN 'queued' THEN 'refused' ELSE state END,
       refusal = CAST(:refusal AS jsonb), changed_at = now()
 WHERE id = :id AND state IN ('queued', 'running') RETURNING id

-- :name delete_task
DELETE FROM import_task WHERE id = :id AND state NOT IN ('queued', 'running') RETURNING id

-- :name runs
SELECT r.id, r.file_name, r.file_sha256, r.target, r.source, r.srid, r.state, r.started_at, r.finished_at, r.counts,
       p.id AS person_id, p.name AS person, p.name_en AS person_en
  FROM import_run AS r LEFT JOIN person AS p ON p.id = r.person_id
 WHERE (:everybody OR r.person_id = :person_id) AND r.id < :before
   AND (CAST(:source AS text) IS NULL OR r.source = :source)
 ORDER BY r.id DESC LIMIT :max_rows

-- :name run_issues
SELECT i.id, i.feature, i.severity, i.code, i.message_zh, i.message_en
  FROM import_issue AS i JOIN import_run AS r ON r.id = i.import_run_id
 WHERE r.id = :id AND (:everybody OR r.person_id = :person_id) AND i.id > :after
   AND (CAST(:severity AS text) IS NULL OR i.severity = :severity)
 ORDER BY i.id LIMIT :max_rows
