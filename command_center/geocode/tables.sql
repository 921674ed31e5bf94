-- :name table_add
INSERT INTO geocode_table (person_id, file_name, file_bytes, header, samples, total)
VALUES (:person_id, :file_name, :file_bytes, :header, :samples, :total) RETURNING id

-- :name tables
SELECT t.*, p.name AS person, p.name_en AS person_en
  FROM geocode_table AS t JOIN person AS p ON p.id = t.person_id
 WHERE (:everybody OR t.person_id = :person_id) AND t.id < :before
 ORDER BY t.id DESC LIMIT :max_rows

-- :name table
SELECT t.*, p.name AS person, p.name_en AS person_en
  FROM geocode_table AS t JOIN person AS p ON p.id = t.person_id
 WHERE t.id = :id AND (:everybody OR t.person_id = :person_id)

-- :name table_lock
SELECT state FROM geocode_table WHERE id = :id FOR UPDATE

-- :name table_queue
UPDATE geocode_table
   SET state = 'queued', address_column = :address_column, district_column = :district_column, done = 0,
       areas = CAST(:areas AS text[]), refusal = NULL, changed_at = now()
 WHERE id = :id

-- :name table_delete
DELETE FROM geocode_table WHERE id = :id AND state NOT IN ('queued', 'running') RETURNING id

-- :name counts
-- How many rows stand where. Index: ix_geocode_row_status.
SELECT status, count(*) AS rows, count(decision) AS decided
  FROM geocode_row WHERE table_id = :id GROUP BY status

-- :name rows
-- Index: the primary key, or ix_geocode_row_status where a status is asked for.
SELECT row_number, address, district, status, level, matched, confidence, error_m, lon, lat, candidates,
       decision, decided_lon, decided_lat, decided_matched
  FROM geocode_row
 WHERE table_id = :id AND row_number > :after
   AND (CAST(:status AS text) IS NULL OR status = :status)
   AND (NOT :undecided OR (decision IS NULL AND status <> 'accepted'))
 ORDER BY row_number LIMIT :max_rows

-- :name row_lock
SELECT row_number, address, district, status, level, matched, confidence, error_m, lon, lat, candidates,
       decision, decided_lon, decided_lat, decided_matched
  FROM geocode_row WHERE table_id = :id AND row_number = :row_number FOR UPDATE

-- :name row_decide
UPDATE geocode_row
   SET decision = :decision, decided_by = :person_id, decided_at = now(), decided_lon = :lon,
       decided_lat = :lat, decided_matched = :matched
 WHERE table_id = :id AND row_number = :row_number

-- :name row_undecide
UPDATE geocode_row
   SET decision = NULL, decided_by = NULL, decided_at = NULL, decided_lon = NULL, decided_lat = NULL,
       decided_matched = NULL
 WHERE table_id = :id AND row_number = :row_number

-- :name points
-- At most :most points, spread over the whole table by a fixed stride.
SELECT row_number, coalesce(decided_lon, lon), coalesce(decided_lat, lat),
       CASE WHEN decision IS NULL THEN status ELSE 'decided' END
  FROM geocode_row
 WHERE table_id = :id AND coalesce(decided_lon, lon) IS NOT NULL AND decision IS DISTINCT FROM 'nowhere'
   AND row_number % greatest(1, ceil(CAST(:total AS numeric) / :most)::int) = 0
 ORDER BY row_number

-- :name decided
SELECT row_number, decision, decided_lon AS lon, decided_lat AS lat, decided_matched AS matched
  FROM geocode_row
 WHERE table_id = :id AND decision IS NOT NULL
