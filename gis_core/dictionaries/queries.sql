-- :name component_classes
SELECT k.*, coalesce((SELECT jsonb_agg(to_jsonb(f) - 'list' - 'edition' - 'class_code' ORDER BY f.number)
                        FROM filing_condition f
                       WHERE f.list = 'component' AND f.edition = k.edition AND f.class_code = k.code),
                     '[]') AS conditions
  FROM component_class k
 WHERE CAST(:edition AS text) IS NULL OR k.edition = :edition
 ORDER BY k.edition DESC, k.code

-- :name class_entries
-- As the shipped list has them, every edition.
SELECT edition, code, class_name, name, coalesce(name_en, ''), coalesce(geometry, ''),
       coalesce(accuracy_class, ''), coalesce(department_kind, '')
  FROM component_class ORDER BY edition, code

-- :name event_classes
SELECT k.*, coalesce((SELECT jsonb_agg(to_jsonb(f) - 'list' - 'edition' - 'class_code' ORDER BY f.number)
                        FROM filing_condition f
                       WHERE f.list = 'event' AND f.edition = k.edition AND f.class_code = k.code),
                     '[]') AS conditions
  FROM event_class k
 WHERE CAST(:edition AS text) IS NULL OR k.edition = :edition
 ORDER BY k.edition DESC, k.code

-- :name store_component_class
INSERT INTO component_class
       (edition, code, class_name, name, name_en, geometry, accuracy_class, department_kind)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (edition, code) DO UPDATE
   SET (class_name, name, name_en, geometry, accuracy_class, department_kind) =
       (excluded.class_name, excluded.name, excluded.name_en, excluded.geometry, excluded.accuracy_class,
        excluded.department_kind)

-- :name store_event_class
INSERT INTO event_class (edition, code, class_name, name, name_en, geometry, department_kind)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (edition, code) DO UPDATE
   SET (class_name, name, name_en, geometry, department_kind) =
       (excluded.class_name, excluded.name, excluded.name_en, excluded.geometry, excluded.department_kind)

-- :name forget_conditions
DELETE FROM filing_condition WHERE list = %s AND edition = %s AND class_code = %s

-- :name store_condition
INSERT INTO filing_condition
       (list, edition, class_code, number, filing, closing, limit_core, limit_general, limit_outer)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
