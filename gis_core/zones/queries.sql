-- :name zones_at
SELECT id, code, kind, name, name_en, area_code, rule FROM zone
 WHERE ST_Covers(geom, ST_Point(:lon, :lat, 4326))
   AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)
 ORDER BY kind, code

-- :name zone_place
SELECT ST_IsValidReason(geom) AS reason, ST_Dimension(geom) AS dimension, ST_IsEmpty(geom) AS empty,
       CASE WHEN ST_IsValid(geom) THEN coalesce(
         (SELECT a.code FROM area a
           WHERE ST_Covers(a.geom, given.geom) AND valid_from <= current_date
             AND (valid_to IS NULL OR valid_to > current_date)
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
SELECT z.id, z.code, z.kind, z.name, z.name_en, z.area_code, z.rule, z.valid_from, z.valid_to,
       z.valid_from <= :at AND (z.valid_to IS NULL OR z.valid_to > :at) AS valid,
       (SELECT count(*) FROM zone_attachment a WHERE a.zone_id = z.id) AS papers,
       ST_Area(z.geom::geography) AS area_m2, ST_AsGeoJSON(z.geom, 7)::json AS geometry
  FROM zone z
 WHERE (CAST(:areas AS text[]) IS NULL OR z.area_code LIKE ANY (CAST(:areas AS text[])))
   AND (CAST(:kind AS text) IS NULL OR z.kind = :kind)
   AND (CAST(:pattern AS text) IS NULL OR z.area_code LIKE :pattern)
   AND (CAST(:text AS text) IS NULL OR strpos(lower(concat_ws(' ', z.code, z.name, z.name_en)), lower(:text)) > 0)
   AND (:with_ended OR z.valid_to IS NULL OR z.valid_to > :at)
   AND z.id > :after
 ORDER BY z.id LIMIT :max_rows
