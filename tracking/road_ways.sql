-- :name roads_around
-- Index: ix_road_geom.
SELECT ST_AsBinary(geom) AS line, oneway, road_class FROM road
 WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326) LIMIT :most
