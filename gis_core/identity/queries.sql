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

-- :name person_of_session
-- Idle time is counted from the last request noted; see session_seen.
SELECT p.id, p.login, p.name, p.name_en, NULL::text[] AS at_most,
       s.last_seen_at < now() - interval '1 minute' AS stale
  FROM login_session s JOIN person p ON p.id = s.person_id
 WHERE s.token_hash = :token_hash AND p.state = 'active' AND s.expires_at > now()
   AND s.last_seen_at > now() - make_interval(secs => :idle_s)

-- :name person_of_api_token
SELECT p.id, p.login, p.name, p.name_en, t.permissions AS at_most,
       t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS stale
  FROM api_token t JOIN person p ON p.id = t.person_id
 WHERE t.token_hash = :token_hash AND p.state = 'active' AND (t.expires_at IS NULL OR t.expires_at > now())

-- :name session_seen
-- Never waits: of many requests at once the first one notes the time.
UPDATE login_session SET last_seen_at = now()
 WHERE token_hash = (SELECT token_hash FROM login_session WHERE token_hash = :token_hash FOR UPDATE SKIP LOCKED)

-- :name api_token_used
UPDATE api_token SET last_used_at = now()
 WHERE id = (SELECT id FROM api_token WHERE token_hash = :token_hash FOR UPDATE SKIP LOCKED)

-- :name grants_of_person
-- A grant for a department holds for the departments below it too.
WITH RECURSIVE held AS (
  SELECT g.id, g.role_key, g.area_code, g.org_unit_id, r.permissions
    FROM role_grant g JOIN role r ON r.key = g.role_key
   WHERE g.person_id = :person_id AND g.valid_from <= now() AND (g.valid_to IS NULL OR g.valid_to > now())
), below AS (
  SELECT id AS grant_id, org_unit_id FROM held WHERE org_unit_id IS NOT NULL
  UNION
  SELECT b.grant_id, o.id FROM below b JOIN org_unit o ON o.parent_id = b.org_unit_id
)
SELECT h.role_key, h.area_code, h.permissions,
       (SELECT array_agg(b.org_unit_id ORDER BY b.org_unit_id) FROM below b WHERE b.grant_id = h.id) AS org_units
  FROM held h ORDER BY h.id
