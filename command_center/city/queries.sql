-- :name layers
-- The catalogue (or one layer of it) with the columns its view really has. A list may be put in the order
-- of a column that leads an index of the table, or of any where the table is small (16 MiB).
SELECT l.*, look.style AS own_style, coalesce(v.version::text || '-' || v.xmin::text, '0') AS version,
       (SELECT json_agg(json_build_array(a.attname, t.typname,
                          coalesce(pg_relation_size(to_regclass(l.relation)), 0) < 16777216
                          OR EXISTS (SELECT FROM pg_index i JOIN pg_attribute led
                                         ON led.attrelid = i.indrelid AND led.attnum = i.indkey[0]
                                      WHERE i.indrelid = to_regclass(l.relation) AND i.indisvalid
                                        AND i.indpred IS NULL AND led.attname = a.attname)) ORDER BY a.attnum)
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = to_regclass('publish.' || quote_ident(l.view)) AND a.attnum > 0
           AND NOT a.attisdropped) AS columns
  FROM layer l
  LEFT JOIN layer_version v ON v.key = l.key
  LEFT JOIN layer_look look ON look.layer_key = l.key AND look.person_id = :person_id
 WHERE CAST(:key AS text) IS NULL OR l.key = :key
 ORDER BY l.sort_order, l.key

-- :name set_own_style
INSERT INTO layer_look (person_id, layer_key, style) VALUES (:person_id, :key, CAST(:style AS jsonb))
ON CONFLICT (person_id, layer_key) DO UPDATE SET style = excluded.style

-- :name forget_own_style
DELETE FROM layer_look WHERE person_id = :person_id AND layer_key = :key

-- :name plan_for_page
-- A page is short: compiling costs more than it saves.
SELECT set_config('jit', 'off', true)

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
