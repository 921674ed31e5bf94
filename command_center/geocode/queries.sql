-- :name use_add
INSERT INTO gazetteer_use (base, chosen) VALUES (:base, 1)
ON CONFLICT (base) DO UPDATE SET chosen = gazetteer_use.chosen + 1
