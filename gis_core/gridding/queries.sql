-- :name issue_codes
SELECT issue_unit_grid_codes(:community_code, :digits, :count)

-- :name homes
-- The finest areas of today at or below an area that have a boundary: communities, or the street where it
-- has none, or the district itself.
WITH valid AS (
  SELECT code, geom FROM area
   WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today()) AND geom IS NOT NULL
     AND code LIKE :pattern AND level <> 'city'
)
SELECT v.code, ST_AsBinary(v.geom) AS shape FROM valid v
 WHERE NOT EXISTS (SELECT FROM valid below WHERE below.code LIKE v.code || '_%')
 ORDER BY v.code

-- :name extent
-- The box of the homes, 100 m wider: what lies just outside is a border too.
WITH valid AS (
  SELECT geom FROM area
   WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today()) AND geom IS NOT NULL
     AND code LIKE :pattern AND level <> 'city'
)
SELECT ST_XMin(e) - 0.001 AS west, ST_YMin(e) - 0.001 AS south, ST_XMax(e) + 0.001 AS east,
       ST_YMax(e) + 0.001 AS north
  FROM (SELECT ST_Extent(geom) AS e FROM valid) AS box

-- :name zone_longitude
-- The middle of the district: all its parts are divided in one zone, on one precision grid.
SELECT ST_X(ST_Centroid(ST_Envelope(geom))) FROM area
 WHERE code = left(:area_code, 6) AND geom IS NOT NULL
   AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name roads
-- On the ground only: tunnels, bridges, elevated roads and pavements divide no block.
SELECT road_class, ST_AsBinary(geom) AS shape FROM road
 WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326) AND road_class <> 'motorway'
   AND coalesce(attributes ->> 'tunnel', 'no') = 'no' AND coalesce(attributes ->> 'bridge', 'no') = 'no'
   AND coalesce(attributes ->> 'layer', '0') IN ('0', '')
   AND coalesce(attributes ->> 'footway', '') NOT IN ('sidewalk', 'crossing')
   AND coalesce(attributes ->> 'kind_detail', '') NOT IN ('sidewalk', 'crossing', 'steps')

-- :name water
SELECT ST_AsBinary(geom) AS shape FROM land_cover
 WHERE kind = 'water' AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)

-- :name buildings
SELECT ST_AsBinary(geom) AS shape FROM building
 WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326) AND kind <> 'building_part'

-- :name add_draft
INSERT INTO grid_draft (area_code, options, reason, created_by)
VALUES (:area_code, CAST(:options AS jsonb), :reason, :person_id) RETURNING id

-- :name drafts
-- A division whose process is gone (no step for :stale_s seconds) counts as failed.
SELECT d.id, d.area_code, a.name AS area, a.name_en AS area_en,
       CASE WHEN d.state = 'dividing' AND d.progress_at < now() - make_interval(secs => :stale_s)
            THEN 'failed' ELSE d.state END AS state,
       d.version, d.options, d.reason, d.created_by, p.name AS author, d.created_at, d.step, d.progress,
       d.failure, d.report, d.closed_at,
       (SELECT count(*) FROM grid_draft_cell c WHERE c.draft_id = d.id AND c.removed_in IS NULL) AS cells
  FROM grid_draft d
       LEFT JOIN person p ON p.id = d.created_by
       LEFT JOIN LATERAL (
         SELECT name, name_en FROM area WHERE code = d.area_code ORDER BY valid_from DESC LIMIT 1
       ) a ON true
 WHERE (CAST(:id AS int) IS NULL OR d.id = :id)
   AND (CAST(:state AS text) IS NULL OR d.state = :state)
   AND (CAST(:areas AS text[]) IS NULL OR d.area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY d.id DESC LIMIT :max_rows

-- :name lock_draft
SELECT id, area_code, state, version, options, srid FROM grid_draft WHERE id = :id FOR UPDATE

-- :name note_progress
UPDATE grid_draft SET step = :step, progress = :progress, progress_at = clock_timestamp() WHERE id = :id

-- :name note_alive
UPDATE grid_draft SET progress_at = clock_timestamp() WHERE id = :id

-- :name fail_draft
UPDATE grid_draft SET state = 'failed', failure = :failure, closed_at = now() WHERE id = :id

-- :name open_draft
UPDATE grid_draft SET state = 'open', step = 'done', progress = 1, srid = :srid WHERE id = :id AND state = 'dividing'

-- :name close_draft
UPDATE grid_draft SET state = :state, closed_at = now() WHERE id = :id

-- :name raise_version
UPDATE grid_draft SET version = version + 1 WHERE id = :id RETURNING version

-- :name set_report
UPDATE grid_draft SET report = CAST(:report AS jsonb) WHERE id = :id

-- :name clear_issues
DELETE FROM grid_draft_issue WHERE draft_id = :draft_id

-- :name add_issue
INSERT INTO grid_draft_issue (draft_id, kind, measure, community_code, geom)
VALUES (:draft_id, :kind, :measure, :community_code, ST_GeomFromWKB(:shape, 4326))

-- :name issues
SELECT id, kind, measure, community_code, ST_X(geom) AS lon, ST_Y(geom) AS lat
  FROM grid_draft_issue WHERE draft_id = :draft_id AND (CAST(:kind AS text) IS NULL OR kind = :kind)
 ORDER BY id LIMIT :max_rows

-- :name add_cell
INSERT INTO grid_draft_cell (draft_id, community_code, wet, area_m2, added_in, geom)
VALUES (:draft_id, :community_code, :wet, :area_m2, :added_in, ST_GeomFromWKB(:shape, 4326))

-- :name cells
SELECT id, community_code, wet, area_m2, ST_AsBinary(geom) AS shape FROM grid_draft_cell
 WHERE draft_id = :draft_id AND removed_in IS NULL ORDER BY id

-- :name cells_in_box
SELECT c.id, c.community_code, c.wet, c.area_m2, ST_AsGeoJSON(c.geom, 9)::jsonb AS geometry
  FROM grid_draft_cell c
 WHERE c.draft_id = :draft_id AND c.removed_in IS NULL
   AND c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
 ORDER BY c.id LIMIT :max_rows

-- :name cells_around
-- The cells of an operation and all that touch them; 1e-9 degrees are 0.1 mm.
SELECT DISTINCT n.id, n.community_code, n.wet, n.area_m2, ST_AsBinary(n.geom) AS shape
  FROM grid_draft_cell c JOIN grid_draft_cell n
    ON n.draft_id = c.draft_id AND n.removed_in IS NULL AND n.geom && ST_Expand(c.geom, 1e-9)
 WHERE c.draft_id = :draft_id AND c.removed_in IS NULL AND c.id = ANY (:ids)
 ORDER BY n.id

-- :name remove_cells
UPDATE grid_draft_cell SET removed_in = :number WHERE id = ANY (:ids)

-- :name next_operation
SELECT coalesce(max(number), -1) + 1 FROM grid_draft_operation WHERE draft_id = :draft_id

-- :name add_operation
INSERT INTO grid_draft_operation (draft_id, number, kind, person_id, reason, detail)
VALUES (:draft_id, :number, :kind, :person_id, :reason, CAST(:detail AS jsonb))

-- :name operations
SELECT o.number, o.kind, o.person_id, p.name AS person, o.at, o.reason, o.detail, o.undone_at, u.name AS undone_by,
       o.undone_reason
  FROM grid_draft_operation o LEFT JOIN person p ON p.id = o.person_id LEFT JOIN person u ON u.id = o.undone_by
 WHERE o.draft_id = :draft_id ORDER BY o.number

-- :name last_operation
SELECT max(number) FROM grid_draft_operation WHERE draft_id = :draft_id AND number > 0 AND undone_at IS NULL

-- :name mark_undone
UPDATE grid_draft_operation SET undone_at = now(), undone_by = :person_id, undone_reason = :reason
 WHERE draft_id = :draft_id AND number = :number

-- :name undo_added
DELETE FROM grid_draft_cell WHERE draft_id = :draft_id AND added_in = :number

-- :name undo_removed
UPDATE grid_draft_cell SET removed_in = NULL WHERE draft_id = :draft_id AND removed_in = :number

-- :name lock_publication
-- One publication at a time in a district.
SELECT pg_advisory_xact_lock(hashtext('unit_grid ' || :district))

-- :name valid_unit_grids
SELECT id, code, community_code, ST_AsBinary(geom) AS shape FROM unit_grid
 WHERE change_date IS NULL AND community_code LIKE :pattern ORDER BY id

-- :name unit_grids_beside
-- Valid unit grids of other areas that touch the draft's cells.
SELECT n.id, n.community_code, ST_AsBinary(n.geom) AS shape FROM unit_grid n
 WHERE n.change_date IS NULL AND n.community_code NOT LIKE :pattern
   AND EXISTS (SELECT FROM grid_draft_cell c
                WHERE c.draft_id = :draft_id AND c.removed_in IS NULL AND c.geom && ST_Expand(n.geom, 1e-7))
 ORDER BY n.id

-- :name edit_by
SELECT edit_by(:person_id, :actor, :origin, :reason)

-- :name withdraw
UPDATE unit_grid SET change_date = civil_today() WHERE id = ANY (:ids)

-- :name reshape
UPDATE unit_grid SET area_m2 = :area_m2, geom = ST_GeomFromWKB(:shape, 4326) WHERE id = :id

-- :name add_unit_grid
INSERT INTO unit_grid (code, community_code, area_m2, initial_date, note, geom)
VALUES (:code, :community_code, :area_m2, civil_today(), :note, ST_GeomFromWKB(:shape, 4326))

-- :name follow_members
-- Responsibility grids that had a withdrawn cell get the new cells that lie in them with a point.
WITH touched AS (
  SELECT DISTINCT u.responsibility_grid_id AS id
    FROM responsibility_grid_unit u JOIN responsibility_grid g ON g.id = u.responsibility_grid_id
   WHERE u.unit_grid_id = ANY (:withdrawn) AND (g.valid_to IS NULL OR g.valid_to > civil_today())
)
INSERT INTO responsibility_grid_unit (responsibility_grid_id, unit_grid_id)
SELECT g.id, n.id
  FROM touched t JOIN responsibility_grid g ON g.id = t.id
       JOIN unit_grid n ON n.change_date IS NULL AND n.geom && g.geom
                       AND ST_Covers(g.geom, ST_PointOnSurface(n.geom))
    ON CONFLICT DO NOTHING

-- :name drop_members
DELETE FROM responsibility_grid_unit u USING responsibility_grid g
 WHERE g.id = u.responsibility_grid_id AND u.unit_grid_id = ANY (:withdrawn)
   AND (g.valid_to IS NULL OR g.valid_to > civil_today())

-- :name holders
-- Responsibility grids in force that hold a withdrawn or redrawn cell.
SELECT DISTINCT g.id FROM responsibility_grid_unit u JOIN responsibility_grid g ON g.id = u.responsibility_grid_id
 WHERE (u.unit_grid_id = ANY (:withdrawn) OR u.unit_grid_id = ANY (:redrawn))
   AND (g.valid_to IS NULL OR g.valid_to > civil_today())

-- :name reshape_responsibility
UPDATE responsibility_grid g SET geom = whole.geom
  FROM (SELECT u.responsibility_grid_id AS id, ST_Multi(ST_UnaryUnion(ST_Collect(n.geom))) AS geom
          FROM responsibility_grid_unit u JOIN unit_grid n ON n.id = u.unit_grid_id
         WHERE u.responsibility_grid_id = ANY (:ids) GROUP BY 1) AS whole
 WHERE g.id = whole.id

-- :name restamp_components
-- Components get the code of the new or redrawn cell that holds them now.
UPDATE component c SET unit_grid_code = n.code
  FROM unit_grid n
 WHERE (n.code = ANY (:codes) OR n.id = ANY (:ids)) AND c.geom && n.geom
   AND ST_Covers(n.geom, ST_PointOnSurface(c.geom))
   AND c.unit_grid_code IS DISTINCT FROM n.code

-- :name bump
SELECT bump_layers(CAST(:keys AS text[]))
