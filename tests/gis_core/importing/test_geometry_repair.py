"""Awkward geometry is repaired by rule, or refused, and each case is told."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_core.importing.geometry_repair import as_multi, flatten, repair
from gis_core.importing.placing import crs_of, place

CASES = {
    "bow tie": ("POLYGON((0 0,2 2,2 0,0 2,0 0))", "polygon", "made-valid", True),
    "flat polygon": ("POLYGON((0 0,1 1,2 2,0 0))", "polygon", "geometry-collapsed", False),
    "closed line": ("LINESTRING(0 0,1 0,1 1,0 0)", "polygon", "line-closed", True),
    "open line": ("LINESTRING(0 0,1 0,1 1)", "polygon", "geometry-type", False),
    "point": ("POINT(0 0)", "line", "geometry-type", False),
    "mixed collection": ("GEOMETRYCOLLECTION(POINT(0 0),POLYGON((0 0,1 0,1 1,0 0)))", "polygon", None, True),
    "polygon for a point": ("POLYGON((0 0,1 0,1 1,0 0))", "point", "point-inside", True),
    "several points": ("MULTIPOINT((0 0),(1 1))", "point", "point-inside", True),
}


def column(*texts: str | None) -> np.ndarray:
    return np.array([text and shapely.from_wkt(text) for text in texts] + [None], dtype=object)[:-1]


@pytest.mark.parametrize("case", CASES)
def test_repair(case: str) -> None:
    text, kind, code, taken = CASES[case]
    shapes, accepted, issues = repair(column(text), kind, np.array(["f"], dtype=object))  # type: ignore[arg-type]
    assert [found.code for found in issues] == ([code] if code else [])
    assert accepted.tolist() == [taken]
    if taken:
        assert shapely.is_valid(shapes).all()


def test_flatten_tells_missing_empty_deep_and_endless() -> None:
    shapes = column(None, "POINT EMPTY", "POINT Z (1 2 3)", "POINT (1 inf)", "POINT (1 2)")
    flat, kept, issues = flatten(shapes, np.array(list("abcde"), dtype=object))
    assert [(found.feature, found.code) for found in issues] == [
        ("a", "geometry-missing"), ("b", "geometry-empty"), ("d", "coordinate-not-finite"),
        ("c", "z-dropped"),
    ]  # fmt: skip
    assert kept.tolist() == [False, False, True, False, True]
    assert not shapely.has_z(flat[kept]).any()


def test_swapped_axes_are_put_right_one_by_one() -> None:
    shapes = column("POINT (30.5 120)", "POINT (120 30.5)", "POINT (2.3 48.8)", "POINT (200 30)")
    placed, kept, issues = place(shapes, crs_of(4326), "wgs84", np.array(list("abcd"), dtype=object))
    assert [(found.feature, found.code) for found in issues] == [
        ("a", "axes-swapped"), ("d", "coordinate-out-of-range"), ("c", "outside-china"),
    ]  # fmt: skip
    assert kept.tolist() == [True, True, False, False]
    assert placed[0].equals(placed[1])


@pytest.mark.parametrize(("srid", "east"), [(4549, 540_000), (4528, 40_540_000)])
def test_swapped_northing_and_easting(srid: int, east: float) -> None:
    shapes = column(f"POINT ({east} 3375000)", f"POINT (3375000 {east})")
    placed, kept, issues = place(shapes, crs_of(srid), "wgs84", np.array(["a", "b"], dtype=object))
    assert [(found.feature, found.code) for found in issues] == [("b", "axes-swapped")]
    assert placed[0].equals(placed[1])
    assert kept.all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=4, max_size=12))
def test_whatever_ring_comes_the_result_is_valid_or_refused(points: list[tuple[float, float]]) -> None:
    shapes = np.array([shapely.Polygon(points)], dtype=object)
    repaired, accepted, issues = repair(shapes, "polygon", np.array(["f"], dtype=object))
    if accepted[0]:
        multi = as_multi(repaired, "polygon")
        assert shapely.is_valid(multi).all()
        assert multi[0].geom_type == "MultiPolygon"
    else:
        assert issues
