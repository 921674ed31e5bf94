-- :name edit_by
SELECT edit_by(:person_id, :actor, :origin, :reason, :undoes_id)

-- :name current_edit
SELECT nullif(current_setting('wanmi.edit', true), '')::bigint

-- :name row_now
SELECT content, ST_AsGeoJSON(geom, 8)::json AS geometry, mark,
       CASE WHEN content ? 'area_code' OR content ? 'community_code' OR content ? 'level' THEN NULL
            ELSE area_at(ST_PointOnSurface(geom)) END AS lies_in
  FROM row_now(CAST(:relation AS text)::regclass, :id)

-- :name row_as_of
-- What the first change after the moment found, or the row of today, or nothing if it was not there.
WITH changed AS (
  SELECT content, geom, at FROM edit_row
   WHERE relation = :relation AND row_id = :id AND at > :moment ORDER BY id LIMIT 1
), born AS (
  SELECT min(at) AS at FROM edit_insert
   WHERE relation = :relation AND row_ids @> CAST(:id AS int) AND at > :moment
), past AS (
  SELECT content, geom FROM changed
   WHERE NOT EXISTS (SELECT FROM born WHERE born.at < changed.at)
  UNION ALL
  SELECT n.content, n.geom FROM row_now(CAST(:relation AS text)::regclass, :id) AS n
   WHERE NOT EXISTS (SELECT FROM changed) AND (SELECT at FROM born) IS NULL
)
SELECT content, ST_AsGeoJSON(geom, 8)::json AS geometry, CAST(:moment AS timestamptz)::text AS mark,
       CASE WHEN content ? 'area_code' OR content ? 'community_code' OR content ? 'level' THEN NULL
            ELSE area_at(ST_PointOnSurface(geom)) END AS lies_in
  FROM past

-- :name edits
-- Change sets newest first, with what they did to which tables. Rows without an area are everybody's.
SELECT e.id, e.at, e.person_id, coalesce(p.name, e.actor) AS actor, e.origin, e.reason, e.undoes_id,
       e.import_run_id, u.id AS undone_by,
       (SELECT jsonb_object_agg(relation, done) FROM (
          SELECT relation, jsonb_object_agg(operation, n) AS done FROM (
            SELECT relation, operation, count(DISTINCT row_id) AS n
              FROM edit_row WHERE edit_id = e.id GROUP BY 1, 2
            UNION ALL
            SELECT relation, 'insert', sum(upper(span) - lower(span))
              FROM edit_insert, unnest(row_ids) AS span WHERE edit_id = e.id GROUP BY 1
          ) AS one GROUP BY relation) AS every) AS changes
  FROM edit e
  LEFT JOIN person p ON p.id = e.person_id
  LEFT JOIN edit u ON u.undoes_id = e.id
 WHERE (CAST(:id AS bigint) IS NULL OR e.id = :id)
   AND (CAST(:before AS bigint) IS NULL OR e.id < :before)
   AND (CAST(:person_id AS int) IS NULL OR e.person_id = :person_id)
   AND (CAST(:since AS timestamptz) IS NULL OR e.at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR e.at < :until)
   AND (EXISTS (SELECT FROM edit_row r
                 WHERE r.edit_id = e.id AND (CAST(:relation AS text) IS NULL OR r.relation = :relation)
                   AND (CAST(:areas AS text[]) IS NULL OR r.area_code IS NULL
                        OR r.area_code LIKE ANY (CAST(:areas AS text[]))))
     OR EXISTS (SELECT FROM edit_insert i
                 WHERE i.edit_id = e.id AND (CAST(:relation AS text) IS NULL OR i.relation = :relation)
                   AND (CAST(:areas AS text[]) IS NULL OR i.area_code IS NULL
                        OR i.area_code LIKE ANY (CAST(:areas AS text[])))))
 ORDER BY e.id DESC LIMIT :max_rows

-- :name feature_events
-- What happened to one row, newest first; content and shape are those before the change.
SELECT e.id AS edit_id, h.at, e.person_id, coalesce(p.name, e.actor) AS actor, e.origin, e.reason,
       e.undoes_id, u.id AS undone_by, h.operation, h.content, ST_AsGeoJSON(h.geom, 8)::json AS geometry
  FROM (SELECT edit_id, at, 'insert' AS operation, NULL::jsonb AS content, NULL::geometry AS geom, 0 AS id
          FROM edit_insert WHERE relation = :relation AND row_ids @> CAST(:id AS int)
        UNION ALL
        SELECT edit_id, at, operation, content, geom, id FROM edit_row
         WHERE relation = :relation AND row_id = :id) AS h
  JOIN edit e ON e.id = h.edit_id
  LEFT JOIN person p ON p.id = e.person_id
  LEFT JOIN edit u ON u.undoes_id = e.id
 ORDER BY h.at DESC, h.id DESC LIMIT :max_rows

-- :name lock_edit
SELECT e.id, (SELECT id FROM edit WHERE undoes_id = e.id) AS undone_by FROM edit e WHERE e.id = :id FOR UPDATE

-- :name later_changes
-- Change sets other than this transaction's own that touched the same rows afterwards.
WITH touched AS (
  SELECT relation, row_id, max(id) AS last, max(at) AS at FROM edit_row WHERE edit_id = :id GROUP BY 1, 2
), later AS (
  SELECT r.edit_id, r.relation, r.row_id
    FROM touched t JOIN edit_row r ON r.relation = t.relation AND r.row_id = t.row_id AND r.id > t.last
  UNION
  SELECT r.edit_id, r.relation, r.row_id
    FROM edit_insert i JOIN edit_row r ON r.relation = i.relation AND i.row_ids @> r.row_id AND r.at > i.at
   WHERE i.edit_id = :id
  UNION
  SELECT i.edit_id, i.relation, t.row_id
    FROM touched t JOIN edit_insert i ON i.relation = t.relation AND i.row_ids @> t.row_id AND i.at > t.at
)
SELECT edit_id, relation, count(*) AS n, min(row_id) AS row_id
  FROM later
 WHERE edit_id <> :id AND edit_id IS DISTINCT FROM nullif(current_setting('wanmi.edit', true), '')::bigint
 GROUP BY edit_id, relation ORDER BY edit_id LIMIT 5

-- :name restore
SELECT edit_restore(:id)

-- :name area_out_of_scope
-- A row of these change sets that lies outside the given areas; the undo's own rows tell where things
-- lay before it. Members and people of a responsibility grid lie where it does, papers where their zone does.
SELECT area_code FROM (
  SELECT coalesce(r.area_code, area_at(ST_PointOnSurface(r.geom)),
                  (SELECT g.area_code FROM responsibility_grid g
                    WHERE g.id = CAST(r.content ->> 'responsibility_grid_id' AS int)),
                  (SELECT z.area_code FROM zone z
                    WHERE r.relation = 'zone_attachment' AND z.id = CAST(r.content ->> 'zone_id' AS int)),
                  '-') AS area_code
    FROM edit_row r WHERE r.edit_id = ANY (CAST(:ids AS bigint[]))
  UNION ALL
  SELECT area_code FROM edit_insert WHERE edit_id = ANY (CAST(:ids AS bigint[])) AND area_code IS NOT NULL
) AS one
 WHERE NOT area_code LIKE ANY (CAST(:areas AS text[]))
 LIMIT 1

-- :name bump_layers_of
SELECT bump_layers(ARRAY(SELECT key FROM layer WHERE relation = ANY (CAST(:relations AS text[])) ORDER BY key))
