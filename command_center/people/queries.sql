-- :name org_units
SELECT id, code, name, name_en, kind, parent_id, area_code FROM org_unit
 WHERE (CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY code

-- :name org_unit_place
SELECT id, area_code FROM org_unit WHERE id = :id

-- :name insert_org_unit
INSERT INTO org_unit (code, name, name_en, kind, parent_id, area_code)
VALUES (:code, :name, :name_en, :kind, :parent_id, :area_code)
RETURNING id, code, name, name_en, kind, parent_id, area_code

-- :name posts
SELECT t.id, t.org_unit_id, t.key, t.name, t.name_en FROM post t JOIN org_unit o ON o.id = t.org_unit_id
 WHERE (CAST(:areas AS text[]) IS NULL OR o.area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY t.org_unit_id, t.key

-- :name insert_post
INSERT INTO post (org_unit_id, key, name, name_en) VALUES (:org_unit_id, :key, :name, :name_en)
RETURNING id, org_unit_id, key, name, name_en

-- :name roles
SELECT key, name, name_en, permissions FROM role ORDER BY key

-- :name role_permissions
SELECT permissions FROM role WHERE key = :key

-- :name persons
-- A page in the order of ids. Scope: see gis_core.identity.principal.Principal.
SELECT p.id, p.login, p.name, p.name_en, p.org_unit_id, o.name AS org_unit, o.name_en AS org_unit_en, p.post_id,
       p.area_code, p.mobile, p.state, COALESCE(p.locked_until > now(), false) AS locked, p.created_at,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('id', g.id, 'role_key', g.role_key,
                         'area_code', g.area_code, 'org_unit_id', g.org_unit_id,
                         'valid_from', g.valid_from, 'valid_to', g.valid_to) ORDER BY g.id)
                   FROM role_grant g WHERE g.person_id = p.id), '[]') AS grants
  FROM person p JOIN org_unit o ON o.id = p.org_unit_id
 WHERE p.id > :after
   AND (CAST(:id AS int) IS NULL OR p.id = :id)
   AND (CAST(:org_unit_id AS int) IS NULL OR p.org_unit_id = :org_unit_id)
   AND (CAST(:state AS text) IS NULL OR p.state = :state)
   AND (CAST(:q AS text) IS NULL OR p.name ILIKE :q OR p.name_en ILIKE :q OR p.login ILIKE :q
        OR p.mobile_index = :mobile_index)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE p.area_code LIKE s.a AND (s.o IS NULL OR p.org_unit_id = s.o))
 ORDER BY p.id LIMIT :max_rows

-- :name directory
-- Active people by a part of the name, for whoever says who answers for a place: no login, no phone.
SELECT p.id, p.name, p.name_en, o.name AS org_unit, o.name_en AS org_unit_en
  FROM person p JOIN org_unit o ON o.id = p.org_unit_id
 WHERE p.state = 'active'
   AND (CAST(:areas AS text[]) IS NULL OR p.area_code LIKE ANY (CAST(:areas AS text[])))
   AND (CAST(:q AS text) IS NULL OR p.name ILIKE :q OR p.name_en ILIKE :q)
 ORDER BY p.name, p.id LIMIT :max_rows

-- :name lock_person
SELECT id, login, name, name_en, org_unit_id, post_id, area_code, state FROM person WHERE id = :id FOR UPDATE

-- :name insert_person
INSERT INTO person (login, name, name_en, org_unit_id, post_id, area_code, mobile, mobile_index, password)
VALUES (:login, :name, :name_en, :org_unit_id, :post_id, :area_code, :mobile, :mobile_index, :password)
RETURNING id

-- :name unlock_person
UPDATE person SET failed_logins = 0, locked_until = NULL WHERE id = :id

-- :name end_sessions
DELETE FROM login_session WHERE person_id = :id

-- :name permissions_held
-- All permissions of a person's grants that hold now or will.
SELECT DISTINCT unnest(r.permissions) FROM role_grant g JOIN role r ON r.key = g.role_key
 WHERE g.person_id = :person_id AND (g.valid_to IS NULL OR g.valid_to > now())

-- :name insert_grant
INSERT INTO role_grant (person_id, role_key, area_code, org_unit_id, valid_from, valid_to)
VALUES (:person_id, :role_key, :area_code, :org_unit_id, COALESCE(CAST(:valid_from AS timestamptz), now()),
        :valid_to)
RETURNING id, role_key, area_code, org_unit_id, valid_from, valid_to

-- :name grant_of
SELECT id, role_key, area_code, org_unit_id FROM role_grant WHERE id = :id AND person_id = :person_id FOR UPDATE

-- :name delete_grant
DELETE FROM role_grant WHERE id = :id

-- :name set_password
UPDATE person SET password = :password, failed_logins = 0, locked_until = NULL WHERE id = :id
