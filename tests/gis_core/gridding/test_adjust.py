"""Changes by hand keep the coverage, and merging takes a split back."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gis_core.gridding import adjust, coverage
from gis_core.gridding.errors import DifferentCommunities, LineMisses, NotAdjacent

ORIGIN = np.array([500_000.0, 3_376_000.0])
ONE = ["990102001001"] * 9


def nine() -> coverage.Geometries:
    """Three rows of three cells of 100 m; cell 4 is in the middle."""
    boxes = [shapely.box(x, y, x + 100, y + 100) for y in (200, 100, 0) for x in (0, 100, 200)]
    moved: coverage.Geometries = shapely.transform(np.array(boxes), lambda xy: xy + ORIGIN)
    return moved


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(np.array(points) + ORIGIN)


def assert_whole(cells: coverage.Geometries) -> None:
    assert shapely.coverage_is_valid(cells)
    assert shapely.area(cells).sum() == pytest.approx(90_000, abs=1e-3)
    assert set(shapely.get_type_id(cells).tolist()) == {3}


_side = st.floats(100.5, 199.5)


@settings(max_examples=150, deadline=None)
@given(west=_side, east=_side, bends=st.lists(st.tuples(_side, _side), max_size=4))
def test_split_then_merge_returns_the_shape(
    west: float, east: float, bends: list[tuple[float, float]]
) -> None:
    drawn = line((95, west), *bends, (205, east))
    assume(shapely.is_simple(drawn))
    cells = nine()
    parts = adjust.split(cells, 4, drawn)
    assert_whole(parts.cells)
    mine = np.flatnonzero(parts.of == 4).tolist()
    assert len(mine) >= 2
    back = adjust.merge(parts.cells, mine, ["990102001001"] * len(parts.cells))
    assert_whole(back.cells)
    again = back.cells[np.flatnonzero(back.of == mine[0])[0]]
    # Vertices that ended the cut stay on the border, at most half a millimetre off it.
    assert again.symmetric_difference(cells[4]).area < 2 * coverage.PRECISION_M * cells[4].length


@settings(max_examples=60, deadline=None)
@given(top=st.floats(20, 180), bottom=st.floats(20, 180))
def test_moving_a_border_gives_and_takes(top: float, bottom: float) -> None:
    cells = nine()
    moved = adjust.move_border(cells, (3, 4), line((top, 205), (bottom, 95)), ONE)
    assert_whole(moved.cells)
    assert len(moved.cells) == 9
    pair = moved.cells[np.isin(moved.of, [3, 4])]
    assert shapely.area(pair).sum() == pytest.approx(20_000, abs=1e-3)
    west = moved.cells[np.flatnonzero(moved.of == 3)[0]]
    assert west.area == pytest.approx((top + bottom) / 2 * 100, abs=1.0)


def test_neighbours_get_the_new_vertices() -> None:
    parts = adjust.split(nine(), 4, line((95, 130), (205, 160)))
    west = parts.cells[np.flatnonzero(parts.of == 3)[0]]
    assert len(shapely.get_coordinates(west)) == 6


def test_line_that_does_not_cross_is_refused() -> None:
    with pytest.raises(LineMisses):
        adjust.split(nine(), 4, line((120, 120), (150, 150)))
    with pytest.raises(LineMisses):
        adjust.move_border(nine(), (3, 4), line((20, 120), (80, 150)), ONE)


def test_a_line_that_ends_just_inside_is_carried_on() -> None:
    assert len(adjust.split(nine(), 4, line((103, 150), (197, 150))).cells) == 10


def test_apart_and_foreign_cells_are_refused() -> None:
    with pytest.raises(NotAdjacent):
        adjust.merge(nine(), [0, 8], ONE)
    with pytest.raises(NotAdjacent):
        adjust.merge(nine(), [0, 4], ONE)
    with pytest.raises(DifferentCommunities):
        adjust.merge(nine(), [0, 1], ["990102001001", "990102001002", *ONE[2:]])
