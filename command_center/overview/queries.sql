-- :name city_counts
SELECT (SELECT count(*) FROM publish.component
         WHERE CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[]))) AS components,
       (SELECT count(*) FROM publish.unit_grid
         WHERE CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[]))) AS unit_grids
