-- :name layers
-- The catalogue with a token that changes with every change of a layer's data: the counter, and the
-- transaction that wrote it, so that a restored database never meets tiles cut from another past.
SELECT l.key, l.view, l.title, l.title_en, l.geometry, l.min_zoom, l.max_zoom, l.properties,
       l.min_zoom_column, l.permission, l.scoped, l.sort_order, l.style, l.max_features,
       coalesce(v.version::text || '-' || v.xmin::text, '0') AS version
  FROM layer l LEFT JOIN layer_version v USING (key)
 ORDER BY l.sort_order, l.key

-- :name columns
-- Columns of every published view.
SELECT c.relname AS view, array_agg(a.attname::text) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'publish'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
 GROUP BY c.relname

-- :name database_identity
-- Tells one database from every other, for caches that outlive it.
SELECT system_identifier::text || '-' || (SELECT oid FROM pg_database WHERE datname = current_database())
  FROM pg_control_system()

-- :name warm
SELECT ST_AsMVTGeom(ST_Transform(ST_Point(120, 30, 4326), 3857), ST_TileEnvelope(0, 0, 0), 4096, 64)

-- :name bounds
-- West, south, east, north of a layer in degrees; null without rows.
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)
  FROM (SELECT ST_Extent(geom) AS e FROM {view}) AS extent

-- :name tile
-- One layer of one tile. The search box is the tile with the margin that is drawn, in degrees, so the
-- index on geom (EPSG:4326) serves; only what was found is transformed. ST_AsMVT leaves out what
-- ST_AsMVTGeom made nothing of: a filter here would have every shape cut twice.
SELECT {place} AS place, ST_AsMVT(drawn, {key}, 4096, 'geom', 'id')
  FROM (SELECT {attributes},
               ST_AsMVTGeom({simplified}, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom
          FROM (SELECT {attributes}, geom
                  FROM {view}
                 WHERE geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
                   {filters}
                 ORDER BY {order}
                 LIMIT {max_features}) AS hit) AS drawn

-- :name tile_of_joined_lines
-- As tile, for lines seen from afar: pieces with equal attributes become one line with one label.
SELECT {place} AS place, ST_AsMVT(drawn, {key}, 4096, 'geom', 'id')
  FROM (SELECT {attributes},
               ST_AsMVTGeom({simplified}, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom
          FROM (SELECT min(id) AS id, {group},
                       ST_LineMerge(ST_CollectionExtract(ST_Collect(geom), 2)) AS geom
                  FROM (SELECT {attributes}, geom
                          FROM {view}
                         WHERE geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
                           {filters}
                         ORDER BY {order}
                         LIMIT {max_features}) AS hit
                 GROUP BY {group}) AS joined) AS drawn
