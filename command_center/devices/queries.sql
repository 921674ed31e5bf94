-- :name devices
-- A page in the order of ids, with the carrier and the last message.
SELECT d.id, d.key, d.unit_kind, d.person_id, d.vehicle_id, COALESCE(p.name, v.plate) AS carrier,
       p.name_en AS carrier_en, d.area_code, d.org_unit_id, o.name AS org_unit, o.name_en AS org_unit_en, d.enabled,
       d.period_s, d.terminal_number, d.speed_unit, d.token_hash IS NOT NULL AS has_token,
       d.payload_secret IS NOT NULL AS has_payload_secret, d.created_at, s.received_at AS last_received_at,
       s.connected, c.offset_s AS clock_offset_s,
       (SELECT coalesce(sum(t.count), 0)::bigint FROM device_tally t WHERE t.device_id = d.id
           AND t.day >= (now() AT TIME ZONE 'UTC')::date AND t.reason NOT IN ('no_fix', 'off_duty', 'late'))
         AS faults_today
  FROM device d JOIN org_unit o ON o.id = d.org_unit_id
       LEFT JOIN person p ON p.id = d.person_id LEFT JOIN vehicle v ON v.id = d.vehicle_id
       LEFT JOIN device_state s ON s.device_id = d.id LEFT JOIN device_clock c ON c.device_id = d.id
 WHERE d.id > :after
   AND (CAST(:id AS int) IS NULL OR d.id = :id)
   AND (CAST(:unit_kind AS text) IS NULL OR d.unit_kind = :unit_kind)
   AND (CAST(:enabled AS boolean) IS NULL OR d.enabled = :enabled)
   AND (CAST(:q AS text) IS NULL OR d.key ILIKE :q OR p.name ILIKE :q OR p.name_en ILIKE :q OR v.plate ILIKE :q)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE d.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))
 ORDER BY d.id LIMIT :max_rows

-- :name insert_device
INSERT INTO device (key, unit_kind, person_id, vehicle_id, area_code, org_unit_id, period_s, terminal_number,
                    speed_unit, payload_secret)
VALUES (:key, :unit_kind, :person_id, :vehicle_id, :area_code, :org_unit_id, :period_s, :terminal_number, :speed_unit,
        :payload_secret)
RETURNING id

-- :name lock_device
SELECT id FROM device WHERE id = :id FOR UPDATE

-- :name set_token
UPDATE device SET token_hash = :token_hash WHERE id = :id

-- :name vehicles
SELECT v.id, v.plate, v.kind, v.org_unit_id, v.area_code FROM vehicle v
 WHERE v.id > :after
   AND (CAST(:q AS text) IS NULL OR v.plate ILIKE :q)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE v.area_code LIKE s.a AND (s.o IS NULL OR v.org_unit_id = s.o))
 ORDER BY v.id LIMIT :max_rows

-- :name insert_vehicle
INSERT INTO vehicle (plate, kind, org_unit_id, area_code) VALUES (:plate, :kind, :org_unit_id, :area_code)
RETURNING id, plate, kind, org_unit_id, area_code

-- :name carrier_place
-- Area and department of a person or a vehicle.
SELECT area_code, org_unit_id FROM person WHERE id = CAST(:person_id AS int)
UNION ALL
SELECT area_code, org_unit_id FROM vehicle WHERE id = CAST(:vehicle_id AS int)

-- :name org_unit_exists
SELECT true FROM org_unit WHERE id = :id

-- :name quality_state
SELECT c.offset_s, c.found_at, s.flags, s.signals
  FROM device d LEFT JOIN device_clock c ON c.device_id = d.id LEFT JOIN device_state s ON s.device_id = d.id
 WHERE d.id = :id

-- :name tallies
SELECT day, reason, count, last_at FROM device_tally
 WHERE device_id = :id AND day > (now() AT TIME ZONE 'UTC')::date - CAST(:days AS int)
 ORDER BY day DESC, count DESC
