-- :name search
-- Names that contain the text, codes and keys that begin with it. rank: 0 the very name, 1 begins
-- with it, 2 contains it. The areas limit rows of scoped layers, the scope limits units.
WITH wanted AS (
  SELECT lower(:q) AS q,
         '%' || replace(replace(replace(:q, '\', '\\'), '%', '\%'), '_', '\_') || '%' AS within,
         replace(replace(replace(:q, '\', '\\'), '%', '\%'), '_', '\_') || '%' AS ahead
), unit AS (
  SELECT 'unit' AS kind, d.id::text AS id, coalesce(p.name, v.plate, d.key) AS name, p.name_en,
         concat_ws(' · ', o.name, d.key) AS detail, s.lon, s.lat, NULL::geometry AS extent, d.key AS code
    FROM device d
    JOIN org_unit o ON o.id = d.org_unit_id
    LEFT JOIN person p ON p.id = d.person_id
    LEFT JOIN vehicle v ON v.id = d.vehicle_id
    LEFT JOIN device_state s ON s.device_id = d.id
     AND NOT EXISTS (SELECT FROM unit_off_duty f WHERE f.device_id = d.id AND f.on_map = 'hidden'), wanted w
   WHERE d.enabled
     AND (p.name ILIKE w.within OR p.name_en ILIKE w.within OR v.plate ILIKE w.within OR d.key ILIKE w.ahead)
     AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s2 (a, o)
                  WHERE d.area_code LIKE s2.a AND (s2.o IS NULL OR d.org_unit_id = s2.o))
   ORDER BY d.id LIMIT 500
), area_found AS (
  SELECT 'area', a.code, a.name, a.name_en, a.code, ST_X(ST_PointOnSurface(a.geom)),
         ST_Y(ST_PointOnSurface(a.geom)), ST_Envelope(a.geom), a.code
    FROM area a, wanted w
   WHERE a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
     AND a.geom IS NOT NULL
     AND (a.name ILIKE w.within OR a.name_en ILIKE w.within OR a.code LIKE w.ahead)
   ORDER BY length(a.code), a.code LIMIT 100
), former_area_found AS (
  -- Names of former days lead to what has the code, or took over from it, today.
  SELECT 'area', coalesce(today.code, a.code), a.name, a.name_en,
         concat_ws(' · ', '曾用名 former name', to_char(a.valid_to, 'YYYY-MM-DD'), today.name),
         ST_X(ST_PointOnSurface(a.geom)), ST_Y(ST_PointOnSurface(a.geom)), ST_Envelope(a.geom), a.code
    FROM wanted w, area a
    LEFT JOIN LATERAL (
      SELECT n.code, n.name FROM area n
       WHERE n.valid_from <= civil_today() AND (n.valid_to IS NULL OR n.valid_to > civil_today())
         AND (n.code = a.code
              OR n.code IN (SELECT successor_code FROM area_succession WHERE predecessor_code = a.code))
       ORDER BY n.code = a.code DESC, n.code LIMIT 1) AS today ON true
   WHERE a.valid_to <= civil_today() AND a.geom IS NOT NULL AND a.name IS DISTINCT FROM today.name
     AND (a.name ILIKE w.within OR a.name_en ILIKE w.within)
   ORDER BY a.valid_to DESC LIMIT 50
), road_found AS (
  SELECT 'road', min(r.id)::text, r.name, min(r.name_en), min(r.road_class),
         ST_X(ST_PointOnSurface(ST_Collect(r.geom))), ST_Y(ST_PointOnSurface(ST_Collect(r.geom))),
         ST_SetSRID(ST_Extent(r.geom)::geometry, 4326), NULL::text
    FROM publish.road r, wanted w
   WHERE r.name ILIKE w.within OR r.name_en ILIKE w.within
   GROUP BY r.name LIMIT 100
), facility_found AS (
  (SELECT 'facility', f.id::text, f.name, f.name_en, coalesce(f.address, f.kind), ST_X(f.geom), ST_Y(f.geom),
          NULL::geometry, NULL::text
     FROM publish.facility f, wanted w
    WHERE f.name ILIKE w.within OR f.name_en ILIKE w.within
    LIMIT 200)
  UNION ALL -- parks, squares and waters
  (SELECT 'facility', 'land_cover/' || l.id, l.name, l.name_en, l.kind,
          ST_X(ST_PointOnSurface(l.geom)), ST_Y(ST_PointOnSurface(l.geom)), ST_Envelope(l.geom), NULL::text
     FROM publish.land_cover l, wanted w
    WHERE l.name ILIKE w.within OR l.name_en ILIKE w.within
    LIMIT 100)
), unit_grid_found AS (
  SELECT 'unit_grid', g.id::text, g.code, NULL::text, g.area_code,
         ST_X(ST_PointOnSurface(g.geom)), ST_Y(ST_PointOnSurface(g.geom)), ST_Envelope(g.geom), g.code
    FROM publish.unit_grid g, wanted w
   WHERE :q ~ '^[0-9]{6,}$' AND g.code LIKE w.ahead
     AND (CAST(:areas AS text[]) IS NULL OR g.area_code LIKE ANY (CAST(:areas AS text[])))
   ORDER BY g.code LIMIT 50
), component_found AS (
  SELECT 'component', c.id::text, c.name, c.class_name_en, c.code,
         ST_X(ST_PointOnSurface(c.geom)), ST_Y(ST_PointOnSurface(c.geom)), NULL::geometry, c.code
    FROM publish.component c, wanted w
   WHERE :q ~ '^[0-9]{6,}$' AND c.code LIKE w.ahead
     AND (CAST(:areas AS text[]) IS NULL OR c.area_code LIKE ANY (CAST(:areas AS text[])))
   ORDER BY c.code LIMIT 50
), found AS (
  SELECT 1 AS place, * FROM unit UNION ALL SELECT 2, * FROM area_found
  UNION ALL SELECT 2, * FROM former_area_found UNION ALL SELECT 3, * FROM road_found
  UNION ALL SELECT 4, * FROM facility_found UNION ALL SELECT 5, * FROM unit_grid_found
  UNION ALL SELECT 6, * FROM component_found
)
SELECT kind, id, name, name_en, detail, lon, lat,
       ST_XMin(extent) AS west, ST_YMin(extent) AS south, ST_XMax(extent) AS east, ST_YMax(extent) AS north
  FROM found, wanted w
 ORDER BY CASE WHEN lower(name) = w.q OR lower(name_en) = w.q OR lower(code) = w.q THEN 0
               WHEN name ILIKE w.ahead OR name_en ILIKE w.ahead THEN 1 ELSE 2 END,
          place, length(name), name, id
 LIMIT :max_rows
