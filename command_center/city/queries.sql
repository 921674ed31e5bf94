-- :name layer
SELECT l.*, (SELECT json_agg(json_build_array(a.attname, t.typname) ORDER BY a.attnum)
               FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
              WHERE a.attrelid = to_regclass('publish.' || quote_ident(l.view)) AND a.attnum > 0
                AND NOT a.attisdropped) AS columns
  FROM layer l WHERE l.key = :key

-- :name set_style
UPDATE layer SET style = CAST(:style AS jsonb) WHERE key = :key

-- :name area_of
SELECT area_at(ST_PointOnSurface(ST_SetSRID(ST_GeomFromGeoJSON(CAST(:geometry AS text)), 4326)))

-- :name judge_geometry
SELECT ST_IsValidReason(geom) AS reason, GeometryType(geom) AS type, ST_IsEmpty(geom) AS empty
  FROM (SELECT ST_GeomFromGeoJSON(CAST(:geometry AS text)) AS geom) AS given

-- :name bump_layer
SELECT bump_layers(ARRAY(SELECT key FROM layer WHERE relation = :relation ORDER BY key))

-- :name bump_key
SELECT bump_layers(ARRAY[CAST(:key AS text)])
