-- :name aliases
SELECT id, name, base, status, created_at FROM gazetteer_name
 WHERE CAST(:q AS text) IS NULL OR name LIKE :q || '%' OR base LIKE :q || '%'
 ORDER BY name, base LIMIT :max_rows

-- :name alias_remove
DELETE FROM gazetteer_name WHERE id = :id RETURNING name, base

-- :name base_known
SELECT 1 FROM gazetteer_entry WHERE base = :base LIMIT 1

-- :name sources
SELECT s.id, s.key, s.priority, s.quality, s.datum, s.dated, s.imported_at, count(e.id) AS entries
  FROM gazetteer_source s LEFT JOIN gazetteer_entry e ON e.source_id = s.id
 GROUP BY s.id ORDER BY s.priority, s.key

-- :name source_change
UPDATE gazetteer_source SET priority = :priority, quality = :quality WHERE id = :id RETURNING key

-- :name source_remove
DELETE FROM gazetteer_source WHERE id = :id RETURNING key

-- :name conflicts
-- One address, two sources, points more than :apart_m metres from one another; the farthest first.
SELECT a.base, a.number, a.unit, a.district, sa.key AS source, sb.key AS other_source,
       a.lon, a.lat, b.lon AS other_lon, b.lat AS other_lat,
       ST_Distance(a.geom::geography, b.geom::geography) AS apart_m
  FROM gazetteer_entry a
  JOIN gazetteer_entry b ON b.base = a.base AND b.number = a.number AND b.unit = a.unit
                        AND b.tail = a.tail AND b.mark = a.mark AND b.district = a.district
                        AND b.source_id > a.source_id
  JOIN gazetteer_source sa ON sa.id = a.source_id
  JOIN gazetteer_source sb ON sb.id = b.source_id
 WHERE a.number > 0 AND a.part >= 0 AND b.part >= 0 AND NOT ST_DWithin(a.geom::geography, b.geom::geography, :apart_m)
 ORDER BY apart_m DESC LIMIT :max_rows

-- :name shared_points
-- Points that several different addresses share: fall-backs of whoever located them.
SELECT lon, lat, count(DISTINCT (base, number)) AS addresses, min(display) AS example
  FROM gazetteer_entry WHERE number > 0 AND part >= 0
 GROUP BY lon, lat HAVING count(DISTINCT (base, number)) >= 4
 ORDER BY addresses DESC LIMIT :max_rows

-- :name outside
-- Points outside the district, or the street or town, that their source claims, where that has a shape.
SELECT e.display, e.district, e.lon, e.lat, s.key AS source, away.outside_m
  FROM gazetteer_entry AS e
  JOIN gazetteer_source AS s ON s.id = e.source_id
  JOIN LATERAL (
       SELECT min(ST_Distance(a.geom::geography, e.geom::geography)) AS outside_m
         FROM area AS a
        WHERE a.level = 'district' AND a.name = e.district AND a.geom IS NOT NULL
          AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
       ) AS away ON away.outside_m > 0
 WHERE e.district <> '' AND e.part >= 0
UNION ALL
SELECT e.display, e.town, e.lon, e.lat, s.key, away.outside_m
  FROM gazetteer_entry AS e
  JOIN gazetteer_source AS s ON s.id = e.source_id
  JOIN LATERAL (
       SELECT min(ST_Distance(a.geom::geography, e.geom::geography)) AS outside_m
         FROM area AS a
        WHERE a.level = 'street' AND a.name = e.town AND a.geom IS NOT NULL
          AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
       ) AS away ON away.outside_m > 0
 WHERE e.town <> '' AND e.part >= 0
 ORDER BY outside_m DESC LIMIT :max_rows

-- :name duplicates
-- One address more than once in one source; those farthest apart first.
SELECT e.base, e.number, e.unit, e.district, s.key AS source, count(*) AS times, min(e.display) AS example,
       (min(e.lon) + max(e.lon)) / 2 AS lon, (min(e.lat) + max(e.lat)) / 2 AS lat,
       ST_Distance(ST_MakePoint(min(e.lon), min(e.lat))::geography,
                   ST_MakePoint(max(e.lon), max(e.lat))::geography) AS spread_m
  FROM gazetteer_entry AS e JOIN gazetteer_source AS s ON s.id = e.source_id
 WHERE e.number > 0 AND e.part >= 0
 GROUP BY e.base, e.number, e.unit, e.mark, e.upto, e.tail, e.district, e.town, s.key
HAVING count(*) > 1
 ORDER BY spread_m DESC, times DESC, e.base, e.number LIMIT :max_rows

-- :name area_of_point
SELECT area_at(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))

-- :name base_beyond
-- Where a place of this name lies outside the areas, empty for in none on record; null when none does.
SELECT coalesce(area_at(geom), '') FROM gazetteer_entry
 WHERE base = :base AND NOT coalesce(area_at(geom), '') LIKE ANY (CAST(:areas AS text[])) LIMIT 1

-- :name district_beyond
-- A district outside the areas, or empty when no district is on record; null when all lie inside.
SELECT CASE WHEN count(*) = 0 THEN ''
            ELSE min(code) FILTER (WHERE NOT code LIKE ANY (CAST(:areas AS text[]))) END
  FROM area WHERE level = 'district' AND valid_from <= civil_today()
                  AND (valid_to IS NULL OR valid_to > civil_today())

-- :name prefixes
SELECT p.prefix, p.area_code, a.name AS area
  FROM phone_prefix AS p
  LEFT JOIN area AS a ON a.code = p.area_code
       AND a.valid_from <= civil_today() AND (a.valid_to IS NULL OR a.valid_to > civil_today())
 ORDER BY p.prefix

-- :name areas_named
SELECT code, name FROM area
 WHERE (code = :area OR name = :area)
   AND valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today()) ORDER BY code

-- :name prefix_area
SELECT area_code FROM phone_prefix WHERE prefix = :prefix

-- :name prefix_set
INSERT INTO phone_prefix (prefix, area_code) VALUES (:prefix, :area_code)
ON CONFLICT (prefix) DO UPDATE SET area_code = excluded.area_code

-- :name prefix_remove
DELETE FROM phone_prefix WHERE prefix = :prefix RETURNING area_code
