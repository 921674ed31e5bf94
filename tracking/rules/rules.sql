-- :name rules
-- The versions in force, with who changed them.
SELECT r.key, r.version, r.unit_kinds, r.org_unit_ids, r.area_code, r.zone_codes, r.definition,
       p.name AS changed_by, r.changed_at
  FROM alert_rule r LEFT JOIN person p ON p.id = r.changed_by
 WHERE r.current AND (CAST(:key AS text) IS NULL OR r.key = :key)
 ORDER BY r.key

-- :name lock_rules
LOCK TABLE alert_rule IN SHARE ROW EXCLUSIVE MODE

-- :name unknown_zones
SELECT asked.code FROM unnest(CAST(:codes AS text[])) AS asked (code)
 WHERE NOT EXISTS (SELECT 1 FROM zone z WHERE z.code = asked.code)
   AND NOT EXISTS (SELECT 1 FROM route o WHERE o.code = asked.code)
   AND NOT EXISTS (SELECT 1 FROM area a WHERE a.code = asked.code AND a.geom IS NOT NULL)

-- :name retire_rule
UPDATE alert_rule SET current = false WHERE key = :key AND current

-- :name add_rule
INSERT INTO alert_rule (key, version, unit_kinds, org_unit_ids, area_code, zone_codes, definition, changed_by)
SELECT CAST(:key AS text), coalesce(max(version), 0) + 1, CAST(:unit_kinds AS text[]),
       CAST(:org_unit_ids AS int[]), CAST(:area_code AS text), CAST(:zone_codes AS text[]),
       CAST(:definition AS jsonb), CAST(:person_id AS int)
  FROM alert_rule WHERE key = :key

-- :name end_episodes
-- Open alerts of a rule that holds no longer end with it; the news goes out with the commit.
UPDATE alert SET closed_at = greatest(now(), opened_at), close_reason = 'rule_ended'
 WHERE rule = :key AND closed_at IS NULL
RETURNING outbox_append('alert', 'closed', area_code, alert_as_json(alert))
