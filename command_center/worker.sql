-- :name job_tables_version
-- Version of procrastinate whose schema lies here, as we noted it; NULL for a schema without our note.
SELECT obj_description('procrastinate_jobs'::regclass)

-- :name purge_sessions
-- Browser sessions that are over, and bearer tokens that have been so for a month.
WITH tokens AS (
  DELETE FROM api_token WHERE expires_at < now() - interval '30 days'
)
DELETE FROM login_session WHERE expires_at < now()

-- :name purge_outbox
-- Events older than keep; a screen that was away for longer reloads.
-- Index: ix_outbox_created_at.
DELETE FROM outbox WHERE created_at < now() - CAST(:keep AS interval)
