-- :name shifts
-- Shifts in scope, by id; each with whom it is for and how many devices that is now.
SELECT s.id, s.name, s.device_id, d.key AS device_key, s.person_id, coalesce(p.name, dp.name, dv.plate) AS holder,
       coalesce(p.name_en, dp.name_en) AS holder_en, p.login AS person_login,
       s.responsibility_grid_id, g.name AS grid, g.code AS grid_code, s.route_id, ro.name AS route, ro.code AS route_code,
       s.area_code, s.org_unit_id, s.cycle_days, s.days, s.since, s.until, s.first_day, s.last_day, s.skipped,
       s.enabled, (SELECT count(DISTINCT x.device_id) FROM shift_device x WHERE x.shift_id = s.id) AS devices
  FROM shift s
  LEFT JOIN device d ON d.id = s.device_id
  LEFT JOIN person dp ON dp.id = d.person_id
  LEFT JOIN vehicle dv ON dv.id = d.vehicle_id
  LEFT JOIN person p ON p.id = s.person_id
  LEFT JOIN responsibility_grid g ON g.id = s.responsibility_grid_id
  LEFT JOIN route ro ON ro.id = s.route_id
 WHERE s.id > :after
   AND (CAST(:id AS int) IS NULL OR s.id = :id)
   AND (CAST(:q AS text) IS NULL OR s.name ILIKE :q OR d.key ILIKE :q OR p.name ILIKE :q OR dp.name ILIKE :q
        OR dv.plate ILIKE :q OR g.name ILIKE :q)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS c (a, o)
                WHERE s.area_code LIKE c.a AND (c.o IS NULL OR s.org_unit_id = c.o))
 ORDER BY s.id LIMIT :max_rows

-- :name lock_shift
SELECT id, name, device_id, person_id, responsibility_grid_id, route_id, area_code, org_unit_id, cycle_days,
       days, since, until, first_day, last_day, skipped, enabled
  FROM shift WHERE id = :id FOR UPDATE

-- :name shift_place
-- Area and department of whom a shift is for; no row when there is nobody of that id.
SELECT area_code, org_unit_id FROM device WHERE id = CAST(:device_id AS int)
 UNION ALL
SELECT area_code, org_unit_id FROM person WHERE id = CAST(:person_id AS int)
 UNION ALL
SELECT area_code, NULL FROM responsibility_grid
 WHERE id = CAST(:responsibility_grid_id AS int) AND CAST(:device_id AS int) IS NULL
   AND CAST(:person_id AS int) IS NULL

-- :name targets_exist
SELECT (CAST(:responsibility_grid_id AS int) IS NULL
        OR EXISTS (SELECT FROM responsibility_grid WHERE id = :responsibility_grid_id)) AS grid,
       (CAST(:route_id AS int) IS NULL OR EXISTS (SELECT FROM route WHERE id = :route_id)) AS route

-- :name add_shift
INSERT INTO shift (name, device_id, person_id, responsibility_grid_id, route_id, area_code, org_unit_id, cycle_days,
                   days, since, until, first_day, last_day, skipped, enabled)
VALUES (:name, :device_id, :person_id, :responsibility_grid_id, :route_id, :area_code, :org_unit_id, :cycle_days,
        :days, :since, :until, :first_day, :last_day, :skipped, :enabled)
RETURNING id

-- :name change_shift
UPDATE shift
   SET name = :name, device_id = :device_id, person_id = :person_id,
       responsibility_grid_id = :responsibility_grid_id, route_id = :route_id, area_code = :area_code,
       org_unit_id = :org_unit_id, cycle_days = :cycle_days, days = :days, since = :since, until = :until,
       first_day = :first_day, last_day = :last_day, skipped = :skipped, enabled = :enabled
 WHERE id = :id

-- :name fill
SELECT roster_fill(CAST(:shift_ids AS int[]))

-- :name disable_shift
-- Its coming turns go first, as nobody's.
UPDATE shift SET enabled = false WHERE id = :id

-- :name remove_shift
DELETE FROM shift WHERE id = :id

-- :name week_units
-- Units in scope for a page of the roster, by department and name.
SELECT d.id, d.key AS device_key, d.unit_kind AS kind, d.person_id, coalesce(p.name, v.plate, d.key) AS name,
       coalesce(p.name_en, v.plate) AS name_en, o.name AS org_unit, o.name_en AS org_unit_en, d.area_code
  FROM device d
  JOIN org_unit o ON o.id = d.org_unit_id
  LEFT JOIN person p ON p.id = d.person_id
  LEFT JOIN vehicle v ON v.id = d.vehicle_id
 WHERE d.enabled AND d.id > :after
   AND (CAST(:kind AS text) IS NULL OR d.unit_kind = :kind)
   AND (CAST(:org_unit_id AS int) IS NULL OR d.org_unit_id = :org_unit_id)
   AND (CAST(:q AS text) IS NULL OR d.key ILIKE :q OR p.name ILIKE :q OR p.name_en ILIKE :q OR v.plate ILIKE :q)
   AND EXISTS (SELECT 1 FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                WHERE d.area_code LIKE s.a AND (s.o IS NULL OR d.org_unit_id = s.o))
 ORDER BY d.id LIMIT :max_rows

-- :name week_turns
-- Index: ix_roster_device_id_starts_at; a turn lasts a day at most, a hand-made one a week.
SELECT r.id, r.device_id, r.starts_at, r.ends_at, r.shift_id, s.name AS shift, g.name AS grid, ro.name AS route
  FROM roster r
  LEFT JOIN shift s ON s.id = r.shift_id
  LEFT JOIN responsibility_grid g ON g.id = r.responsibility_grid_id
  LEFT JOIN route ro ON ro.id = r.route_id
 WHERE r.device_id = ANY (CAST(:device_ids AS int[]))
   AND r.starts_at > CAST(:from_time AS timestamptz) - interval '8 days'
   AND r.starts_at < :to_time AND r.ends_at > :from_time
 ORDER BY r.device_id, r.starts_at

-- :name turn
SELECT r.id, r.device_id, r.starts_at, r.ends_at, r.shift_id, d.area_code, d.org_unit_id
  FROM roster r JOIN device d ON d.id = r.device_id
 WHERE r.id = :id FOR UPDATE OF r

-- :name add_turn
INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id, route_id)
VALUES (:device_id, :starts_at, :ends_at, :responsibility_grid_id, :route_id)
RETURNING id

-- :name remove_turn
DELETE FROM roster WHERE id = :id

-- :name end_turn
UPDATE roster SET ends_at = greatest(now(), starts_at + interval '1 second') WHERE id = :id

-- :name skip_day
-- The shift does not begin on the day of this turn.
UPDATE shift s SET skipped = s.skipped || (r.starts_at AT TIME ZONE 'Asia/Shanghai')::date
  FROM roster r WHERE r.id = :id AND s.id = r.shift_id
   AND NOT (r.starts_at AT TIME ZONE 'Asia/Shanghai')::date = ANY (s.skipped)

-- :name devices_by_keys
SELECT key, id FROM device WHERE key = ANY (CAST(:names AS text[]))

-- :name persons_by_names
-- By login, or by name where only one is called so.
SELECT n.name, p.id
  FROM unnest(CAST(:names AS text[])) AS n (name)
  JOIN person p ON p.login = n.name
    OR p.name = n.name AND (SELECT count(*) FROM person o WHERE o.name = n.name) = 1

-- :name grids_by_codes
SELECT code, id FROM responsibility_grid
 WHERE code = ANY (CAST(:names AS text[])) AND (valid_to IS NULL OR valid_to > civil_today())
 ORDER BY valid_from

-- :name routes_by_codes
SELECT code, id FROM route WHERE code = ANY (CAST(:names AS text[]))

-- :name grids
SELECT id, name FROM responsibility_grid
 WHERE valid_from <= civil_today() AND (valid_to IS NULL OR valid_to > civil_today())
   AND (CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[])))
 ORDER BY name LIMIT 5000
