-- :name unit_grids_on
-- Unit grids as they were on a day: issued by then and not yet withdrawn.
SELECT id, code, community_code, area_m2, initial_date, change_date, note, ST_AsGeoJSON(geom, 7)::json AS geometry
  FROM unit_grid
 WHERE initial_date <= :on AND (change_date IS NULL OR change_date > :on)
   AND (CAST(:areas AS text[]) IS NULL OR community_code LIKE ANY (CAST(:areas AS text[])))
   AND (CAST(:pattern AS text) IS NULL OR community_code LIKE :pattern)
   AND (CAST(:code AS text) IS NULL OR code LIKE :code)
   AND (CAST(:west AS float8) IS NULL OR geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326))
   AND id > :after
 ORDER BY id LIMIT :max_rows
