-- :name person_by_login
SELECT id, login, password, state, locked_until > now() AS locked
  FROM person WHERE login = :login

-- :name lock_person
-- Decides between answers that were computed at the same time: the first to be noted counts first.
SELECT id, failed_logins, COALESCE(locked_until > now(), false) AS locked
  FROM person WHERE id = :id FOR UPDATE

-- :name note_failure
UPDATE person SET failed_logins = failed_logins + 1,
       locked_until = CASE WHEN CAST(:lock_s AS float8) > 0 THEN now() + make_interval(secs => :lock_s)
                           ELSE locked_until END
 WHERE id = :id

-- :name note_success
UPDATE person SET failed_logins = 0, locked_until = NULL, password = COALESCE(:renewed, password)
 WHERE id = :id

-- :name failures_from_ip
-- Index: ix_audit_at.
SELECT count(*) FROM audit
 WHERE at > now() - make_interval(secs => :window_s) AND action = 'session.refused' AND ip = CAST(:ip AS inet)

-- :name insert_session
INSERT INTO login_session (token_hash, person_id, expires_at, ip, user_agent)
VALUES (:token_hash, :person_id, now() + make_interval(secs => :session_s), CAST(:ip AS inet), :user_agent)

-- :name delete_over_sessions
-- Skips what others just work on, so that people who log in at once do not wait for each other.
DELETE FROM login_session WHERE token_hash IN (
  SELECT token_hash FROM login_session
   WHERE expires_at < now() OR last_seen_at < now() - make_interval(secs => :idle_s)
   LIMIT 1000 FOR UPDATE SKIP LOCKED)

-- :name delete_session
DELETE FROM login_session WHERE token_hash = :token_hash

-- :name delete_other_sessions
DELETE FROM login_session WHERE person_id = :person_id AND token_hash <> :token_hash

-- :name profile
SELECT p.id, p.login, p.name, p.name_en, o.name AS org_unit, o.name_en AS org_unit_en,
       t.name AS post, t.name_en AS post_en
  FROM person p JOIN org_unit o ON o.id = p.org_unit_id LEFT JOIN post t ON t.id = p.post_id
 WHERE p.id = :id

-- :name password_of
SELECT password FROM person WHERE id = :id

-- :name set_password
UPDATE person SET password = :password WHERE id = :id

-- :name tokens_of
SELECT id, name, permissions, created_at, expires_at, last_used_at
  FROM api_token WHERE person_id = :person_id ORDER BY id

-- :name insert_token
INSERT INTO api_token (person_id, name, token_hash, permissions, expires_at)
VALUES (:person_id, :name, :token_hash, CAST(:permissions AS text[]),
        now() + make_interval(days => :valid_days))
RETURNING id, name, permissions, created_at, expires_at, last_used_at

-- :name delete_token
DELETE FROM api_token WHERE id = :id AND person_id = :person_id RETURNING name
