-- :name queued_table
SELECT id, state, address_column, district_column, areas FROM geocode_table WHERE id = %(id)s FOR UPDATE

-- :name begin_table
UPDATE geocode_table SET state = 'running', changed_at = now() WHERE id = %(id)s

-- :name table_progress
UPDATE geocode_table SET done = greatest(done, %(done)s), changed_at = now() WHERE id = %(id)s

-- :name forget_rows
DELETE FROM geocode_row WHERE table_id = %(id)s

-- :name copy_rows
COPY geocode_row (table_id, row_number, address, district, status, level, matched, confidence, error_m, lon, lat,
                  candidates)
FROM STDIN

-- :name end_table
UPDATE geocode_table
   SET state = %(state)s, refusal = %(refusal)s, done = %(done)s, changed_at = now()
 WHERE id = %(id)s

-- :name abandoned_tables
-- Running, but nobody has given a sign of life: their process is gone.
UPDATE geocode_table SET state = 'queued', changed_at = now()
 WHERE state = 'running' AND changed_at < now() - %(silent)s::interval RETURNING id

-- :name expired_tables
DELETE FROM geocode_table
 WHERE state NOT IN ('queued', 'running') AND changed_at < now() - %(kept)s::interval RETURNING id
