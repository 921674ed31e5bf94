"""The raster's answers are those of asking every polygon."""

import numpy as np
import pytest
import shapely

from tracking.polygon_raster import PolygonRaster


def shapes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rings with holes, in one part or two, over each other, some touching."""
    made = []
    for _ in range(count):
        angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 60))))
        ring = rng.uniform(0, 1, 2) + np.column_stack((np.cos(angle), np.sin(angle))) * rng.uniform(0.05, 0.3)
        whole = shapely.make_valid(shapely.Polygon(ring))
        if rng.random() < 0.5:
            whole = whole.difference(shapely.Point(whole.centroid).buffer(0.03))
        if rng.random() < 0.3:
            whole = whole.union(shapely.box(*(corner := np.round(rng.uniform(0, 1, 2), 1)), *(corner + 0.1)))
        made.append(whole)
    return np.array(made, dtype=object)


@pytest.mark.parametrize("seed", range(4))
def test_every_hit_is_found_and_no_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygons = shapes(rng, 40)
    xy = np.vstack((rng.uniform(-0.6, 1.6, (4_000, 2)), shapely.get_coordinates(polygons)[::3]))
    lon, lat = xy[:, 0].copy(), xy[:, 1].copy()
    raster = PolygonRaster(polygons)
    expected = shapely.intersects_xy(polygons[None, :], lon[:, None], lat[:, None])
    points, found = raster.pairs(lon, lat)
    assert sorted(zip(points.tolist(), found.tolist(), strict=True)) == list(
        zip(*(axis.tolist() for axis in np.nonzero(expected)), strict=True)
    )
    lowest = np.where(expected.any(axis=1), expected.argmax(axis=1), -1)
    assert np.array_equal(raster.lowest(lon, lat), lowest)


def test_memory_stays_bounded_where_everything_lies_over_everything() -> None:
    whole = np.array([shapely.box(120, 30, 121, 31)] * 500, dtype=object)
    raster = PolygonRaster(whole)
    assert raster.memory_bytes < 300e6
    assert raster.lowest(np.array([120.5, 121.0, 119.9]), np.array([30.5, 31.0, 30.5])).tolist() == [0, 0, -1]
    assert len(raster.pairs(np.array([120.3]), np.array([30.3]))[0]) == 500


def test_nothing_and_places_that_are_no_numbers() -> None:
    assert PolygonRaster(np.array([], dtype=object)).lowest(np.zeros(1), np.zeros(1)).tolist() == [-1]
    one = PolygonRaster(np.array([shapely.box(0, 0, 1, 1)], dtype=object))
    assert one.lowest(np.array([np.nan, np.inf]), np.array([0.5, 0.5])).tolist() == [-1, -1]
