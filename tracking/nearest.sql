-- :name nearest_units
-- Units that report and have a turn of duty now or none ever; nearest first (spheroid). Busy: an alert is
-- open about them.
SELECT d.id AS unit_id, d.unit_kind AS kind, coalesce(p.name, v.plate, d.key) AS name,
       coalesce(p.name_en, v.plate) AS name_en, s.lon, s.lat, s.fix_time,
       ST_Distance(ST_Point(s.lon, s.lat, 4326)::geography, ST_Point(:lon, :lat, 4326)::geography) AS distance_m,
       EXISTS (SELECT 1 FROM alert a WHERE a.device_id = d.id AND a.closed_at IS NULL) AS busy
  FROM device_state s
  JOIN device d ON d.id = s.device_id AND d.enabled
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
 WHERE s.fix_time >= now() - make_interval(secs => 3 * d.period_s)
   AND (CAST(:kind AS text) IS NULL OR d.unit_kind = :kind)
   AND (CAST(:busy AS boolean) IS NULL
        OR EXISTS (SELECT 1 FROM alert a WHERE a.device_id = d.id AND a.closed_at IS NULL) = :busy)
   AND (EXISTS (SELECT 1 FROM roster r WHERE r.device_id = d.id AND r.starts_at <= now() AND r.ends_at > now())
        OR NOT EXISTS (SELECT 1 FROM roster r WHERE r.device_id = d.id))
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS x (a, o)
                WHERE d.area_code LIKE x.a AND (x.o IS NULL OR d.org_unit_id = x.o))
 ORDER BY distance_m, d.id
 LIMIT :max_rows

-- :name paces
-- How fast units of each kind go that move just now: the median over at least five of the whole city.
SELECT d.unit_kind AS kind, count(*) AS units,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY s.speed_mps) AS speed_mps
  FROM device_state s JOIN device d ON d.id = s.device_id AND d.enabled
 WHERE s.fix_time >= now() - make_interval(secs => 3 * d.period_s) AND s.speed_mps >= 0.5
 GROUP BY d.unit_kind HAVING count(*) >= 5
