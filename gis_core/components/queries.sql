-- :name take_codes
SELECT component_codes_take(:prefix, :number)

-- :name class_of
SELECT edition, code, name, geometry, accuracy_class FROM component_class
 WHERE edition = :edition AND code = :code

-- :name place_of
-- Where a shape lies: the finest area of today, its unit grid, and whether the shape is sound.
WITH given AS (
  SELECT ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326)) AS geom
), anchor AS (
  SELECT geom, CASE WHEN ST_IsValid(geom) AND NOT ST_IsEmpty(geom) THEN ST_PointOnSurface(geom) END AS point
    FROM given
)
SELECT area_at(point) AS area_code, ST_Dimension(geom) AS dimension, ST_IsEmpty(geom) AS empty,
       ST_IsValidReason(geom) AS reason,
       (SELECT g.code FROM unit_grid g WHERE g.change_date IS NULL AND ST_Covers(g.geom, point)
         ORDER BY g.code LIMIT 1) AS unit_grid_code
  FROM anchor

-- :name insert_component
INSERT INTO component (code, edition, class_code, name, state, authority, owner, maintainer, unit_grid_code,
                       area_code, address, data_source, accuracy_class, initial_date, note, source,
                       source_key, attributes, geom)
VALUES (:code, :edition, :class_code, :name, :state, :authority, :owner, :maintainer, :unit_grid_code,
        :area_code, :address, :data_source, :accuracy_class, :initial_date, :note, 'edit', :code,
        CAST(:attributes AS jsonb), ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326)))
RETURNING id

-- :name lock_component
SELECT id, code, edition, class_code, area_code, state FROM component WHERE id = :id FOR UPDATE

-- :name move_component
UPDATE component
   SET geom = ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326)),
       unit_grid_code = :unit_grid_code, area_code = :area_code, change_date = :on
 WHERE id = :id

-- :name retire_component
UPDATE component SET state = 'abandoned', change_date = :on WHERE id = :id

-- :name bump_components
SELECT bump_layers(ARRAY['component'])

-- :name plan_each_time
-- What is asked for decides the way to it; compiling costs more than these short looks.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)

-- :name nearest_reach
-- The nearest by degrees bound the distance within which the nearest by metres must lie.
SELECT least(CASE WHEN count(*) = :max_rows THEN max(metres) END, :within_m) AS metres
  FROM (SELECT ST_Distance(c.geom::geography, ST_Point(:lon, :lat, 4326)::geography) AS metres
          FROM component c
         WHERE c.geom && ST_Expand(ST_Point(:lon, :lat, 4326),
                 :within_m / (110000 * greatest(cos(radians(:lat)), 0.01)), :within_m / 110000)
           AND c.state <> 'abandoned'
           AND (CAST(:class_code AS text) IS NULL OR c.class_code = :class_code)
           AND (CAST(:edition AS text) IS NULL OR c.edition = :edition)
           AND (CAST(:areas AS text[]) IS NULL OR c.area_code LIKE ANY (CAST(:areas AS text[])))
         ORDER BY c.geom <-> ST_Point(:lon, :lat, 4326) LIMIT :max_rows) AS candidate

-- :name nearest
-- All within the reach, in the true order. The point and the reach are written out, so that the planner
-- knows how many there are and whether the class's index is worth its while.
SELECT c.id, c.code, c.class_code, k.name AS class_name, k.name_en AS class_name_en, c.name, c.state,
       c.area_code, c.unit_grid_code, c.maintainer, ST_X(ST_PointOnSurface(c.geom)) AS lon,
       ST_Y(ST_PointOnSurface(c.geom)) AS lat, c.metres
  FROM (SELECT c.*, ST_Distance(c.geom::geography, ST_Point(:lon, :lat, 4326)::geography) AS metres
          FROM component c
         WHERE c.geom && ST_Expand(ST_Point(:lon, :lat, 4326),
                 :reach_m / (110000 * greatest(cos(radians(:lat)), 0.01)) + 1e-7, :reach_m / 110000 + 1e-7)
           AND c.state <> 'abandoned'
           AND (CAST(:class_code AS text) IS NULL OR c.class_code = :class_code)
           AND (CAST(:edition AS text) IS NULL OR c.edition = :edition)
           AND (CAST(:areas AS text[]) IS NULL OR c.area_code LIKE ANY (CAST(:areas AS text[])))) AS c
  JOIN component_class k ON k.edition = c.edition AND k.code = c.class_code
 WHERE c.metres <= :within_m
 ORDER BY c.metres, c.id LIMIT :max_rows

-- :name duplicates
-- Pairs of one class closer than the tolerance, each once, by the older one's id.
SELECT a.id AS id, a.code AS code, b.id AS other_id, b.code AS other_code, a.class_code,
       k.name AS class_name, k.name_en AS class_name_en, a.name AS name, b.name AS other_name, a.state,
       b.state AS other_state, a.area_code, a.source, b.source AS other_source,
       ST_Distance(a.geom::geography, b.geom::geography) AS metres,
       ST_X(ST_PointOnSurface(a.geom)) AS lon, ST_Y(ST_PointOnSurface(a.geom)) AS lat,
       ST_X(ST_PointOnSurface(b.geom)) AS other_lon, ST_Y(ST_PointOnSurface(b.geom)) AS other_lat
  FROM (SELECT * FROM component a
         WHERE a.id > :after AND a.id <= :upto AND a.state <> 'abandoned'
           AND (CAST(:class_code AS text) IS NULL OR a.class_code = :class_code)
           AND (CAST(:area AS text) IS NULL OR a.area_code LIKE :area)
           AND (CAST(:areas AS text[]) IS NULL OR a.area_code LIKE ANY (CAST(:areas AS text[])))) AS a
 CROSS JOIN LATERAL (
   SELECT * FROM component near
    WHERE near.geom && ST_Expand(a.geom, :tolerance_m / (110000 * greatest(cos(radians(ST_YMin(a.geom))), 0.01)),
                                 :tolerance_m / 110000)
   OFFSET 0 -- else the planner may join by class first, which is quadratic
 ) AS b
  JOIN component_class k ON k.edition = a.edition AND k.code = a.class_code
 WHERE b.id > a.id AND b.class_code = a.class_code AND b.edition = a.edition AND b.state <> 'abandoned'
   AND ST_DWithin(a.geom::geography, b.geom::geography, :tolerance_m)
   AND NOT EXISTS (SELECT FROM component_duplicate d WHERE d.component_id = a.id AND d.other_id = b.id)
 ORDER BY a.id, b.id LIMIT :max_rows

-- :name looked_at
-- The last of the next components that one look takes, and how many they are.
SELECT max(id) AS upto, count(*) AS n
  FROM (SELECT id FROM component a
         WHERE a.id > :after AND a.state <> 'abandoned'
           AND (CAST(:class_code AS text) IS NULL OR a.class_code = :class_code)
           AND (CAST(:area AS text) IS NULL OR a.area_code LIKE :area)
           AND (CAST(:areas AS text[]) IS NULL OR a.area_code LIKE ANY (CAST(:areas AS text[])))
         ORDER BY a.id LIMIT :look) AS next

-- :name counts
-- By area (the given number of digits) and class; the states of each.
SELECT left(c.area_code, :digits) AS area_code, c.edition, c.class_code, count(*) AS total,
       count(*) FILTER (WHERE c.state = 'intact') AS intact,
       count(*) FILTER (WHERE c.state = 'broken') AS broken,
       count(*) FILTER (WHERE c.state = 'lost') AS lost,
       count(*) FILTER (WHERE c.state = 'abandoned') AS abandoned
  FROM component c
 WHERE (CAST(:area AS text) IS NULL OR c.area_code LIKE :area)
   AND (CAST(:areas AS text[]) IS NULL OR c.area_code LIKE ANY (CAST(:areas AS text[])))
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- :name class_names
SELECT edition, code, class_name, name, name_en FROM component_class

-- :name area_names
SELECT code, name, name_en FROM area
 WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())

-- :name lock_pair
SELECT id, code, edition, class_code, state, area_code, attributes, authority, owner, maintainer, address,
       accuracy_class, note
  FROM component WHERE id = ANY (CAST(:ids AS int[])) ORDER BY id FOR UPDATE

-- :name pair_metres
SELECT ST_Distance(a.geom::geography, b.geom::geography) FROM component a, component b
 WHERE a.id = :one AND b.id = :other

-- :name decided
SELECT EXISTS (SELECT FROM component_duplicate WHERE component_id = :one AND other_id = :other)

-- :name add_decision
INSERT INTO component_duplicate
       (component_id, other_id, decision, kept_id, metres, area_code, reason, decided_by)
VALUES (:component_id, :other_id, :decision, :kept_id, :metres, :area_code, :reason, :person_id)
RETURNING id

-- :name decisions
-- Newest first, with the change set that each was made in.
SELECT d.id, d.component_id, a.code, d.other_id, b.code AS other_code, a.class_code, a.name, d.decision,
       d.kept_id, d.metres, d.area_code, d.reason, p.name AS person, d.decided_at,
       (SELECT i.edit_id FROM edit_insert i
         WHERE i.relation = 'component_duplicate' AND i.row_ids @> d.id ORDER BY i.id DESC LIMIT 1) AS edit_id
  FROM component_duplicate d
  JOIN component a ON a.id = d.component_id
  JOIN component b ON b.id = d.other_id
  LEFT JOIN person p ON p.id = d.decided_by
 WHERE (CAST(:before AS int) IS NULL OR d.id < :before)
   AND (CAST(:areas AS text[]) IS NULL OR d.area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY d.id DESC LIMIT :max_rows
