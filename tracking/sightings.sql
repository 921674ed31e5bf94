-- :name places_at
-- Where units were at moments of which a fix in the polygon is known.
-- Index: ux_fix_device_id_fix_time_content in the daily partitions of the span.
SELECT s.device_id, s.at, f.lon, f.lat
  FROM unnest(CAST(:device_ids AS int[]), CAST(:moments AS timestamptz[])) AS s (device_id, at)
 CROSS JOIN LATERAL (
       SELECT lon, lat FROM fix
        WHERE device_id = s.device_id AND fix_time = s.at
          AND fix_time >= :from_time AND fix_time < :to_time
          AND ST_Intersects(CAST(:shape AS geometry), ST_Point(lon, lat, 4326))
        LIMIT 1) AS f
