-- :name rules
-- Rules with how many devices each decides for, and what was dropped under it in seven days.
SELECT r.id, r.unit_kind, r.org_unit_id, o.name AS org_unit, o.name_en AS org_unit_en, r.area_code, a.name AS area,
       a.name_en AS area_en, r.outside, r.before_s, r.after_s, r.unrostered, r.on_map, p.name AS changed_by,
       r.changed_at, coalesce(n.devices, 0) AS devices, coalesce(n.dropped, 0)::bigint AS dropped_7d
  FROM off_duty_rule r
  LEFT JOIN org_unit o ON o.id = r.org_unit_id
  LEFT JOIN area a ON a.code = r.area_code AND a.valid_to IS NULL
  LEFT JOIN person p ON p.id = r.changed_by
  LEFT JOIN (SELECT d.rule_id, count(DISTINCT d.device_id) AS devices, sum(t.count) AS dropped
               FROM device_off_duty d
               LEFT JOIN device_tally t ON t.device_id = d.device_id AND t.reason = 'off_duty'
                AND t.day > (now() AT TIME ZONE 'UTC')::date - 7
              GROUP BY d.rule_id) AS n ON n.rule_id = r.id
 WHERE CAST(:id AS int) IS NULL OR r.id = :id
 ORDER BY r.org_unit_id NULLS FIRST, r.area_code NULLS FIRST, r.unit_kind NULLS FIRST

-- :name add_rule
INSERT INTO off_duty_rule (unit_kind, org_unit_id, area_code, outside, before_s, after_s, unrostered, on_map, changed_by)
VALUES (:unit_kind, :org_unit_id, :area_code, :outside, :before_s, :after_s, :unrostered, :on_map, :person_id)
    ON CONFLICT (unit_kind, org_unit_id, area_code) DO NOTHING
RETURNING id

-- :name change_rule
UPDATE off_duty_rule
   SET outside = :outside, before_s = :before_s, after_s = :after_s, unrostered = :unrostered, on_map = :on_map,
       changed_by = :person_id, changed_at = now()
 WHERE id = :id

-- :name remove_rule
DELETE FROM off_duty_rule WHERE id = :id

-- :name org_unit_exists
SELECT true FROM org_unit WHERE id = CAST(:org_unit_id AS int)
