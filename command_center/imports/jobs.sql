-- :name queued_task
SELECT t.id, t.state, t.dry_run, t.options, t.file_name, p.id AS person_id, p.login
  FROM import_task AS t JOIN person AS p ON p.id = t.person_id
 WHERE t.id = %(id)s FOR UPDATE OF t

-- :name begin_task
UPDATE import_task SET state = 'running', changed_at = now() WHERE id = %(id)s

-- :name task_progress
-- A refusal written while it runs is a person's wish to stop.
UPDATE import_task SET read = %(read)s, total = %(total)s, changed_at = now() WHERE id = %(id)s
RETURNING refusal IS NOT NULL AS cancelled

-- :name end_task
UPDATE import_task SET state = %(state)s, report = %(report)s, refusal = %(refusal)s,
       import_run_id = %(import_run_id)s, changed_at = now()
 WHERE id = %(id)s

-- :name drop_expired_tasks
DELETE FROM import_task
 WHERE state NOT IN ('queued', 'running') AND changed_at < now() - %(kept)s::interval RETURNING id
