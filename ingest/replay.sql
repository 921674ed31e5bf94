-- :name ensure_org_unit
-- The organisation that replayed vehicles belong to, of the area of the topmost organisation.
INSERT INTO org_unit (code, name, name_en, kind, area_code)
SELECT :code, '轨迹回放', 'Track replay', 'fleet',
       coalesce((SELECT area_code FROM org_unit WHERE parent_id IS NULL ORDER BY id LIMIT 1),
                (SELECT code FROM area ORDER BY length(code), code LIMIT 1), '000000')
    ON CONFLICT (code) DO NOTHING

-- :name org_unit
SELECT id, area_code FROM org_unit WHERE code = :code

-- :name district_at
SELECT code FROM area
 WHERE level IN ('district', 'city') AND geom IS NOT NULL
   AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())
   AND ST_Intersects(geom, ST_Point(:lon, :lat, 4326))
 ORDER BY level = 'district' DESC, id LIMIT 1

-- :name register
WITH wanted AS (
  SELECT w.key FROM unnest(CAST(:keys AS text[])) AS w(key)
   WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.key = w.key)
), made AS (
  INSERT INTO vehicle (plate, kind, org_unit_id, area_code)
  SELECT key, :kind, :org_unit_id, :area_code FROM wanted
      ON CONFLICT (plate) DO UPDATE SET kind = excluded.kind
  RETURNING id, plate
)
INSERT INTO device (key, vehicle_id, unit_kind, area_code, org_unit_id, period_s)
SELECT plate, id, :kind, :area_code, :org_unit_id, :period_s FROM made
    ON CONFLICT (key) DO NOTHING

-- :name strangers
SELECT w.key FROM unnest(CAST(:keys AS text[])) AS w(key)
 WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.key = w.key)
