-- :name zones_at
SELECT id, code, kind, name, name_en, area_code, rule FROM zone
 WHERE ST_Covers(geom, ST_Point(:lon, :lat, 4326))
   AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
 ORDER BY kind, code

-- :name zone_place
SELECT ST_IsValidReason(geom) AS reason, ST_Dimension(geom) AS dimension, ST_IsEmpty(geom) AS empty,
       CASE WHEN ST_IsValid(geom) THEN coalesce(
         (SELECT a.code FROM area a
           WHERE ST_Covers(a.geom, given.geom) AND valid_from <= civil_today()
             AND (valid_to IS NULL OR valid_to > civil_today())
           ORDER BY length(a.code) DESC, a.level = 'city', a.code LIMIT 1),
         left(area_at(ST_PointOnSurface(geom)), 6)) END AS area_code
  FROM (SELECT ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326) AS geom) AS given

-- :name insert_zone
INSERT INTO zone (code, kind, name, name_en, area_code, rule, valid_from, valid_to, geom)
VALUES (:code, :kind, :name, :name_en, :area_code, CAST(:rule AS jsonb), :valid_from, :valid_to,
        ST_Multi(ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326))))
ON CONFLICT (code) DO NOTHING RETURNING id

-- :name update_zone
UPDATE zone SET name = :name, name_en = :name_en, rule = CAST(:rule AS jsonb), valid_from = :valid_from,
       valid_to = :valid_to, area_code = :area_code,
       geom = CASE WHEN CAST(:geometry AS text) IS NULL THEN geom
              ELSE ST_Multi(ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326))) END
 WHERE id = :id

-- :name lock_zone
SELECT id, kind, name, name_en, rule, valid_from, valid_to, area_code FROM zone WHERE id = :id FOR UPDATE

-- :name end_zone
UPDATE zone SET valid_to = greatest(now(), valid_from + interval '1 second') WHERE id = :id
   AND (valid_to IS NULL OR valid_to > now())

-- :name bump_zones
SELECT bump_layers(ARRAY['zone'])

-- :name papers
SELECT id, title, document_number, issued_by, issued_on, file_name, media_type, size_bytes, sha256,
       uploaded_by, uploaded_at
  FROM zone_attachment WHERE zone_id = :zone_id ORDER BY id

-- :name paper_events
-- Papers that came and went, newest first.
WITH gone AS (
  SELECT edit_id, row_id, at, content FROM edit_row
   WHERE relation = 'zone_attachment' AND operation = 'delete'
     AND CAST(content ->> 'zone_id' AS int) = CAST(:zone_id AS int)
), known AS (
  SELECT id AS row_id, title, document_number FROM zone_attachment WHERE zone_id = :zone_id
  UNION
  SELECT row_id, content ->> 'title', content ->> 'document_number' FROM gone
), step AS (
  SELECT i.edit_id, i.at, 'insert' AS operation, k.title, k.document_number
    FROM known k JOIN edit_insert i ON i.relation = 'zone_attachment' AND i.row_ids @> k.row_id
  UNION ALL
  SELECT edit_id, at, 'delete', content ->> 'title', content ->> 'document_number' FROM gone
)
SELECT s.edit_id, s.at, coalesce(p.name, e.actor) AS actor, e.reason, s.operation, s.title, s.document_number,
       e.undoes_id, u.id AS undone_by
  FROM step s
  JOIN edit e ON e.id = s.edit_id
  LEFT JOIN person p ON p.id = e.person_id
  LEFT JOIN edit u ON u.undoes_id = e.id
 ORDER BY s.at DESC LIMIT 200

-- :name paper
SELECT id, file_name, media_type, sha256 FROM zone_attachment WHERE zone_id = :zone_id AND id = :id

-- :name insert_paper
INSERT INTO zone_attachment (zone_id, title, document_number, issued_by, issued_on, file_name, media_type,
                             size_bytes, sha256, uploaded_by)
VALUES (:zone_id, :title, :document_number, :issued_by, :issued_on, :file_name, :media_type, :size_bytes,
        :sha256, :uploaded_by)
ON CONFLICT (zone_id, sha256) DO NOTHING RETURNING id

-- :name delete_paper
DELETE FROM zone_attachment WHERE zone_id = :zone_id AND id = :id

-- :name zones
-- Zones that are or come into force, or were in force at the moment asked for; with_ended: all there ever were.
-- recorded_at: with the shapes, rules and dates that were on record at that moment.
SELECT z.id, z.code, z.kind, z.name, z.name_en, z.area_code, z.rule, z.valid_from, z.valid_to,
       z.valid_from <= :at AND (z.valid_to IS NULL OR z.valid_to > :at) AS valid,
       (SELECT count(*) FROM zone_attachment a WHERE a.zone_id = z.id) AS papers,
       ST_Area(z.geom::geography) AS area_m2, ST_AsGeoJSON(z.geom, 7)::json AS geometry
  FROM (SELECT id, code, kind, name, name_en, area_code, rule, valid_from, valid_to, geom FROM zone
         WHERE CAST(:recorded_at AS timestamptz) IS NULL
        UNION ALL
        SELECT r.id, r.code, r.kind, r.name, r.name_en, r.area_code, r.rule, r.valid_from, r.valid_to, n.geom
          FROM rows_as_of('zone', CAST(:recorded_at AS timestamptz)) AS n,
               jsonb_populate_record(NULL::zone, n.content) AS r
         WHERE CAST(:recorded_at AS timestamptz) IS NOT NULL) AS z
 WHERE (CAST(:areas AS text[]) IS NULL OR z.area_code LIKE ANY (CAST(:areas AS text[])))
   AND (CAST(:kind AS text) IS NULL OR z.kind = :kind)
   AND (CAST(:pattern AS text) IS NULL OR z.area_code LIKE :pattern)
   AND (CAST(:text AS text) IS NULL OR strpos(lower(concat_ws(' ', z.code, z.name, z.name_en)), lower(:text)) > 0)
   AND (:with_ended OR z.valid_to IS NULL OR z.valid_to > :at)
   AND z.id > :after
 ORDER BY z.id LIMIT :max_rows
