-- :name grids
SELECT g.id, g.code, g.name, g.name_en, g.area_code, g.valid_from, g.valid_to,
       (SELECT count(*) FROM responsibility_grid_unit u WHERE u.responsibility_grid_id = g.id) AS unit_grids,
       (SELECT coalesce(sum(n.area_m2), 0) FROM responsibility_grid_unit u JOIN unit_grid n ON n.id = u.unit_grid_id
         WHERE u.responsibility_grid_id = g.id) AS area_m2,
       (SELECT count(*) FROM responsibility_grid_person p
         WHERE p.responsibility_grid_id = g.id AND p.valid_from <= civil_today()
           AND (p.valid_to IS NULL OR p.valid_to > civil_today())) AS people_now,
       (SELECT count(*) FROM patrol_point p WHERE p.responsibility_grid_id = g.id) AS patrol_points,
       (SELECT count(*) FROM patrol_route r WHERE r.responsibility_grid_id = g.id) AS patrol_routes
  FROM responsibility_grid g
 WHERE (CAST(:id AS int) IS NULL OR g.id = :id) AND g.id > :after
   AND (CAST(:pattern AS text) IS NULL OR g.area_code LIKE :pattern)
   AND (CAST(:west AS float8) IS NULL OR g.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326))
   AND (:with_ended OR g.valid_to IS NULL OR g.valid_to > civil_today())
   AND (CAST(:areas AS text[]) IS NULL OR g.area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY g.id LIMIT :max_rows

-- :name lock
SELECT id FROM responsibility_grid WHERE id = :id FOR UPDATE

-- :name looked_at
SELECT id, code, community_code, ST_AsBinary(geom) AS shape FROM unit_grid
 WHERE code = ANY (:codes) AND change_date IS NULL ORDER BY code

-- :name holders
-- Responsibility grids in force, other than one, that hold some of these unit grids.
SELECT g.id, g.code, g.name, g.name_en, array_agg(n.code ORDER BY n.code) AS unit_grids
  FROM unit_grid n JOIN responsibility_grid_unit u ON u.unit_grid_id = n.id
  JOIN responsibility_grid g ON g.id = u.responsibility_grid_id
 WHERE n.code = ANY (:codes) AND g.id IS DISTINCT FROM CAST(:but AS int)
   AND g.valid_from <= civil_today() AND (g.valid_to IS NULL OR g.valid_to > civil_today())
 GROUP BY g.id ORDER BY g.code

-- :name members
SELECT n.code FROM responsibility_grid_unit u JOIN unit_grid n ON n.id = u.unit_grid_id
 WHERE u.responsibility_grid_id = :id ORDER BY n.code

-- :name people
SELECT p.person_id, q.name, q.name_en, p.valid_from, p.valid_to
  FROM responsibility_grid_person p JOIN person q ON q.id = p.person_id
 WHERE p.responsibility_grid_id = :id ORDER BY p.valid_from, p.person_id

-- :name points
SELECT id, name, name_en, note, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM patrol_point
 WHERE responsibility_grid_id = :id ORDER BY id

-- :name routes
SELECT id, name, name_en, origin, point_ids, length_m, ST_AsGeoJSON(geom, 7)::jsonb AS geometry
  FROM patrol_route WHERE responsibility_grid_id = :id ORDER BY id

-- :name chosen
-- Locked: nobody withdraws them meanwhile.
SELECT id, code, community_code, ST_AsBinary(geom) AS shape FROM unit_grid
 WHERE code = ANY (:codes) AND change_date IS NULL ORDER BY id FOR SHARE

-- :name next_code
-- <area>-01, -02…; numbers of ended grids are not used again.
SELECT coalesce(max(substring(code FROM '-(\d+)$')::int), 0) + 1 FROM responsibility_grid
 WHERE code LIKE :area_code || '-%' AND code ~ '-\d{1,6}$'

-- :name lock_codes
SELECT pg_advisory_xact_lock(hashtext('responsibility_grid ' || :area_code))

-- :name add
INSERT INTO responsibility_grid (code, name, name_en, area_code, valid_from, valid_to, geom)
SELECT :code, :name, :name_en, :area_code, :valid_from, :valid_to,
       ST_Multi(ST_UnaryUnion(ST_Collect(geom)))
  FROM unit_grid WHERE id = ANY (:ids)
RETURNING id

-- :name add_members
INSERT INTO responsibility_grid_unit (responsibility_grid_id, unit_grid_id) SELECT :id, unnest(CAST(:ids AS int[]))
    ON CONFLICT DO NOTHING

-- :name drop_other_members
DELETE FROM responsibility_grid_unit WHERE responsibility_grid_id = :id AND NOT unit_grid_id = ANY (:ids)

-- :name reshape
UPDATE responsibility_grid SET area_code = :area_code,
       geom = (SELECT ST_Multi(ST_UnaryUnion(ST_Collect(geom))) FROM unit_grid WHERE id = ANY (:ids))
 WHERE id = :id

-- :name rename
UPDATE responsibility_grid SET name = :name, name_en = :name_en, valid_from = :valid_from, valid_to = :valid_to
 WHERE id = :id

-- :name end
UPDATE responsibility_grid SET valid_to = civil_today() WHERE id = :id

-- :name drop_other_people
-- Those that are not among the given duties; a duty that stays as it was keeps its row.
DELETE FROM responsibility_grid_person p WHERE p.responsibility_grid_id = :id AND NOT EXISTS (
  SELECT FROM jsonb_to_recordset(CAST(:duties AS jsonb)) AS d (person_id int, valid_from date, valid_to date)
   WHERE d.person_id = p.person_id AND d.valid_from = p.valid_from AND d.valid_to IS NOT DISTINCT FROM p.valid_to)

-- :name add_people
INSERT INTO responsibility_grid_person (responsibility_grid_id, person_id, valid_from, valid_to)
SELECT :id, d.person_id, d.valid_from, d.valid_to
  FROM jsonb_to_recordset(CAST(:duties AS jsonb)) AS d (person_id int, valid_from date, valid_to date)
    ON CONFLICT DO NOTHING

-- :name unknown_people
SELECT p FROM unnest(CAST(:ids AS int[])) AS p WHERE NOT EXISTS (SELECT FROM person WHERE id = p)

-- :name add_point
INSERT INTO patrol_point (responsibility_grid_id, area_code, name, name_en, note, geom)
SELECT id, area_code, :name, :name_en, :note, ST_Point(:lon, :lat, 4326) FROM responsibility_grid WHERE id = :id
RETURNING id

-- :name drop_point
DELETE FROM patrol_point WHERE id = :point_id AND responsibility_grid_id = :id RETURNING id

-- :name add_route
INSERT INTO patrol_route (responsibility_grid_id, area_code, name, name_en, origin, point_ids, length_m, geom)
SELECT g.id, g.area_code, :name, :name_en, :origin, CAST(:point_ids AS int[]),
       ST_Length(s.line::geography), s.line
  FROM responsibility_grid g, (SELECT ST_GeomFromWKB(:shape, 4326) AS line) AS s
 WHERE g.id = :id
RETURNING id

-- :name drop_route
DELETE FROM patrol_route WHERE id = :route_id AND responsibility_grid_id = :id RETURNING id

-- :name walkable
-- Roads within about 300 m of the grid that can be walked or cycled.
SELECT ST_AsBinary(r.geom) FROM responsibility_grid g
  JOIN road r ON r.geom && ST_Expand(g.geom, 0.003)
 WHERE g.id = :id AND r.road_class NOT IN ('motorway', 'trunk')
   AND coalesce(r.attributes ->> 'tunnel', 'no') = 'no'

-- :name coverage
-- Unit grids of an area with how many responsibility grids, and how many people, answer for them today.
SELECT n.code, n.community_code, ST_X(c.middle) AS lon, ST_Y(c.middle) AS lat,
       count(DISTINCT g.id) AS grids, count(DISTINCT p.person_id) AS people
  FROM unit_grid n
       CROSS JOIN LATERAL (SELECT ST_PointOnSurface(n.geom) AS middle) AS c
       LEFT JOIN responsibility_grid_unit u ON u.unit_grid_id = n.id
       LEFT JOIN responsibility_grid g ON g.id = u.responsibility_grid_id AND g.valid_from <= civil_today()
                                      AND (g.valid_to IS NULL OR g.valid_to > civil_today())
       LEFT JOIN responsibility_grid_person p ON p.responsibility_grid_id = g.id
                                      AND p.valid_from <= civil_today()
                                      AND (p.valid_to IS NULL OR p.valid_to > civil_today())
 WHERE n.change_date IS NULL AND n.community_code LIKE :pattern
   AND (CAST(:areas AS text[]) IS NULL OR n.community_code LIKE ANY (CAST(:areas AS text[])))
 GROUP BY n.id, c.middle ORDER BY n.code

-- :name history
-- Change sets that touched a grid, its members, people, points or routes, newest first. What came and went
-- is told by unit grid code, and by the name of the person, point or route. ``at``: when all of it was done.
WITH mine AS (
  SELECT edit_id, relation, row_id, operation, content, at FROM edit_row
   WHERE relation = 'responsibility_grid' AND row_id = :id
  UNION ALL
  SELECT edit_id, relation, row_id, operation, content, at FROM edit_row
   WHERE jsonb_exists(content, 'responsibility_grid_id')
     AND content ->> 'responsibility_grid_id' = CAST(CAST(:id AS int) AS text)
), known AS (
  SELECT 'responsibility_grid_unit' AS relation, id AS row_id, to_jsonb(t) AS content
    FROM responsibility_grid_unit t WHERE responsibility_grid_id = :id
  UNION ALL
  SELECT 'responsibility_grid_person', id, to_jsonb(t) FROM responsibility_grid_person t WHERE responsibility_grid_id = :id
  UNION ALL
  SELECT 'patrol_point', id, jsonb_build_object('name', name) FROM patrol_point WHERE responsibility_grid_id = :id
  UNION ALL
  SELECT 'patrol_route', id, jsonb_build_object('name', name) FROM patrol_route WHERE responsibility_grid_id = :id
  UNION ALL
  SELECT 'responsibility_grid', CAST(:id AS int), NULL
  UNION ALL
  SELECT DISTINCT ON (relation, row_id) relation, row_id, content FROM mine
   WHERE operation = 'delete' AND relation <> 'responsibility_grid'
), step AS (
  SELECT edit_id, relation, operation, content, at FROM mine
  UNION ALL
  SELECT i.edit_id, i.relation, 'insert', k.content, i.at
    FROM known k JOIN edit_insert i ON i.relation = k.relation AND i.row_ids @> k.row_id
), told AS (
  SELECT DISTINCT s.edit_id, s.relation, s.operation,
         CASE s.relation
           WHEN 'responsibility_grid_unit' THEN
             (SELECT code FROM unit_grid WHERE id = CAST(s.content ->> 'unit_grid_id' AS int))
           WHEN 'responsibility_grid_person' THEN
             (SELECT name FROM person WHERE id = CAST(s.content ->> 'person_id' AS int))
           ELSE s.content ->> 'name' END AS name
    FROM step s
)
SELECT e.id AS edit_id, (SELECT max(at) FROM step WHERE edit_id = e.id) AS at, coalesce(p.name, e.actor) AS actor,
       e.origin, e.reason, e.undoes_id, u.id AS undone_by,
       (SELECT jsonb_agg(jsonb_build_object('relation', relation, 'operation', operation, 'names', names, 'count', n))
          FROM (SELECT relation, operation, count(*) AS n,
                       (array_agg(name ORDER BY name) FILTER (WHERE name IS NOT NULL))[1:50] AS names
                  FROM told WHERE edit_id = e.id GROUP BY relation, operation ORDER BY 1, 2) AS one) AS changes
  FROM edit e
  LEFT JOIN person p ON p.id = e.person_id
  LEFT JOIN edit u ON u.undoes_id = e.id
 WHERE e.id IN (SELECT edit_id FROM step)
 ORDER BY e.id DESC LIMIT 200

-- :name members_as_of
-- Of what unit grids, and with what people, a responsibility grid was made at a moment.
SELECT n.code FROM rows_as_of('responsibility_grid_unit', :moment) AS u
  JOIN unit_grid n ON n.id = CAST(u.content ->> 'unit_grid_id' AS int)
 WHERE u.content ->> 'responsibility_grid_id' = CAST(CAST(:id AS int) AS text) ORDER BY n.code

-- :name people_as_of
SELECT q.id AS person_id, q.name, q.name_en, CAST(u.content ->> 'valid_from' AS date) AS valid_from,
       CAST(u.content ->> 'valid_to' AS date) AS valid_to
  FROM rows_as_of('responsibility_grid_person', :moment) AS u
  JOIN person q ON q.id = CAST(u.content ->> 'person_id' AS int)
 WHERE u.content ->> 'responsibility_grid_id' = CAST(CAST(:id AS int) AS text) ORDER BY 4, 1

-- :name edit_by
SELECT edit_by(:person_id, :actor, 'page', :reason)

-- :name bump
SELECT bump_layers('{responsibility_grid,responsibility_grid_label,patrol_point,patrol_route}')
