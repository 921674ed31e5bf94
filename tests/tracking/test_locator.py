"""Location in grids agrees with ST_Intersects, also on borders and in holes."""

import numpy as np
import psycopg
import pytest
import shapely

from benchmarks import scene
from tracking.locator import GridDistances, GridIndex, load_locator, make_locator


def test_points_and_borders_agree_with_postgis(database_url: str) -> None:
    rng = np.random.default_rng(3)
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_city(connection, side=10)
        connection.execute(
            """INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)
               SELECT 'H', '有洞', '990102001', '2020-01-01',
                      ST_Multi(ST_Difference(
                        ST_Rotate(ST_MakeEnvelope(120.005, 30.505, 120.02, 30.52, 4326), 0.3, 120.01, 30.51),
                        ST_Buffer(ST_Point(120.012, 30.512, 4326), 0.003)))"""
        )
        locator = load_locator(connection)
        shapes = shapely.from_wkb(
            [row[0] for row in connection.execute("SELECT ST_AsBinary(geom) FROM responsibility_grid")]
        )
        corners = shapely.get_coordinates(shapes)
        middles = (corners[1:] + corners[:-1]) / 2
        random = np.array([119.999, 30.499]) + rng.random((20_000, 2)) * 0.018
        points = np.vstack((random, corners, middles))
        lon, lat = points[:, 0].copy(), points[:, 1].copy()
        for table, index in (
            ("unit_grid", locator.unit_grids),
            ("responsibility_grid", locator.responsibility_grids),
        ):
            expected = connection.execute(
                f"""SELECT coalesce((SELECT min(g.id) FROM {table} g
                                      WHERE ST_Intersects(g.geom, ST_Point(p.lon, p.lat, 4326))), 0)
                      FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p(lon, lat, n) ORDER BY n""",
                (lon.tolist(), lat.tolist()),
            ).fetchall()
            found = index.locate(lon, lat)
            assert (found != 0).sum() > 5_000
            assert np.array_equal(found, np.array(expected)[:, 0])


def test_a_shared_border_belongs_to_the_lowest_id() -> None:
    left, right = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    index = GridIndex([9, 4], np.array([left, right]))
    assert index.locate(np.array([0.5, 1.0, 1.5, 3.0]), np.full(4, 0.5)).tolist() == [9, 4, 4, 0]


def test_no_grids_and_no_points() -> None:
    locator = make_locator([], [])
    assert locator.unit_grids.locate(np.array([1.0]), np.array([2.0])).tolist() == [0]
    assert GridIndex([1], np.array([shapely.box(0, 0, 1, 1)])).locate(np.zeros(0), np.zeros(0)).size == 0


def test_distances_are_those_of_the_spheroid(database_url: str) -> None:
    grid = shapely.box(120.0, 30.5, 120.02, 30.52)
    lon = np.array([120.01, 119.99, 120.03, 120.01, 120.025])
    lat = np.array([30.51, 30.51, 30.53, 30.45, 30.5])
    found = GridDistances([7], np.array([grid])).measure(np.full(5, 7, dtype=np.int32), lon, lat)
    with psycopg.connect(database_url) as connection:
        expected = [
            connection.execute(
                "SELECT ST_Distance(ST_GeomFromText(%s, 4326)::geography, ST_Point(%s, %s, 4326)::geography)",
                (grid.wkt, x, y),
            ).fetchone()
            for x, y in zip(lon.tolist(), lat.tolist(), strict=True)
        ]
    assert found.tolist() == pytest.approx([row[0] for row in expected if row], rel=1e-3, abs=0.01)
