-- :name audit_lock
-- Held until the transaction ends: entries get their numbers in the order of commits.
SELECT pg_advisory_xact_lock(7823452)

-- :name audit_head
-- The newest entry's number and hash, the time, and the detail as PostgreSQL will spell it.
SELECT a.id, a.hash, clock_timestamp() AS at, CAST(CAST(:detail AS jsonb) AS text) AS detail,
       host(CAST(:ip AS inet)) AS ip
  FROM (SELECT 1) AS one LEFT JOIN (SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1) AS a ON true

-- :name audit_insert
INSERT INTO audit (id, at, actor_id, actor, action, object_kind, object_id, detail, request_id, ip, hash)
VALUES (:id, :at, :actor_id, :actor, :action, :object_kind, :object_id, CAST(:detail AS jsonb), :request_id,
        CAST(:ip AS inet), :hash)

-- :name audit_rows
SELECT id, at, actor_id, actor, action, object_kind, object_id, CAST(detail AS text) AS detail, request_id,
       host(ip) AS ip, hash
  FROM audit WHERE id > :after ORDER BY id LIMIT :max_rows

-- :name principal
-- Whom a session (or, with :bearer, an API token) stands for: a row a grant that holds now, one without
-- a role when there is none. A grant for a department holds for the departments below it too.
-- Idle time is counted from the last request noted; see session_seen.
WITH found AS (
  SELECT person_id, NULL::text[] AS at_most, last_seen_at < now() - interval '1 minute' AS stale
    FROM login_session
   WHERE NOT :bearer AND token_hash = :token_hash AND expires_at > now()
     AND last_seen_at > now() - make_interval(secs => :idle_s)
  UNION ALL
  SELECT person_id, permissions, last_used_at IS NULL OR last_used_at < now() - interval '1 minute'
    FROM api_token
   WHERE :bearer AND token_hash = :token_hash AND (expires_at IS NULL OR expires_at > now())
)
SELECT p.id, p.login, p.name, p.name_en, f.at_most, f.stale, g.role_key, g.area_code, r.permissions,
       (WITH RECURSIVE below AS (
          SELECT g.org_unit_id AS id WHERE g.org_unit_id IS NOT NULL
          UNION
          SELECT o.id FROM below b JOIN org_unit o ON o.parent_id = b.id
        )
        SELECT array_agg(id ORDER BY id) FROM below) AS org_units
  FROM found f JOIN person p ON p.id = f.person_id
       LEFT JOIN role_grant g ON g.person_id = p.id AND g.valid_from <= now()
                             AND (g.valid_to IS NULL OR g.valid_to > now())
       LEFT JOIN role r ON r.key = g.role_key
 WHERE p.state = 'active'
 ORDER BY g.id

-- :name session_seen
-- Never waits: of many requests at once the first one notes the time.
UPDATE login_session SET last_seen_at = now()
 WHERE token_hash = (SELECT token_hash FROM login_session WHERE token_hash = :token_hash FOR UPDATE SKIP LOCKED)

-- :name api_token_used
UPDATE api_token SET last_used_at = now()
 WHERE id = (SELECT id FROM api_token WHERE token_hash = :token_hash FOR UPDATE SKIP LOCKED)
