-- :name correction_source
INSERT INTO gazetteer_source (key, priority, quality, datum) VALUES ('correction', 1, 1.0, 'wgs84')
ON CONFLICT (key) DO UPDATE SET imported_at = now()
RETURNING id

-- :name correction_add
INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto, tail,
                             district, town, community, display, lon, lat)
VALUES (:source_id, :key, 0, :base, :kind, :number, :unit, :mark, :upto, :tail,
        :district, '', '', :display, :lon, :lat)
ON CONFLICT (source_id, source_key, part) DO UPDATE
   SET base = excluded.base, kind = excluded.kind, number = excluded.number, unit = excluded.unit,
       mark = excluded.mark, upto = excluded.upto, tail = excluded.tail, district = excluded.district,
       lon = excluded.lon, lat = excluded.lat, display = excluded.display,
       changed_xid = pg_current_xact_id()::text::bigint

-- :name notify
SELECT pg_notify('wanmi_gazetteer', :what)

-- :name alias_add
INSERT INTO gazetteer_name (name, base, status, person_id) VALUES (:name, :base, :status, :person_id)
ON CONFLICT (name, base) DO UPDATE SET status = excluded.status
RETURNING id, name, base, status, created_at

-- :name correction_remove
DELETE FROM gazetteer_entry AS e USING gazetteer_source AS s
 WHERE s.key = 'correction' AND e.source_id = s.id AND e.source_key = :key RETURNING e.id

-- :name name_remove
DELETE FROM gazetteer_name WHERE name = :name AND base = :base AND status = 'correction' RETURNING id
