"""What every division must hold, whatever the roads."""

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis_core.gridding import coverage
from gis_core.gridding.cutting import Buildings
from gis_core.gridding.division import Division, GridOptions, cut_buildings, divide, settle_homes
from gis_core.gridding.ground import Ground, ground_from_rows
from tests.gis_core.gridding.grounds import ground

SIDE = 440.0
_place = st.floats(-50, SIDE + 50).map(lambda value: round(value, 2))
_roads = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.tuples(_place, _place), min_size=2, max_size=4, unique=True)),
    max_size=8,
)


def assert_exact(made: Division, of: Ground) -> None:
    """The cells fill the homes and nothing else, to the millimetre grid."""
    whole = shapely.union_all(of.homes)
    rounding = 2 * coverage.PRECISION_M * (shapely.length(made.cells).sum() + whole.length)
    assert set(shapely.get_type_id(made.cells).tolist()) == {3}
    assert shapely.is_valid(made.cells).all()
    assert shapely.coverage_is_valid(made.cells)
    assert abs(shapely.area(made.cells).sum() - whole.area) < rounding
    assert shapely.union_all(made.cells).symmetric_difference(whole).area < rounding
    out = shapely.area(shapely.difference(made.cells, of.homes[made.home]))
    assert out.max() < rounding


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(roads=_roads, divide_at=st.floats(100, 340), bend=st.floats(-60, 60), seed=st.integers(0, 9999))
def test_random_roads_are_divided_exactly(
    roads: list[tuple[int, list[tuple[float, float]]]], divide_at: float, bend: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    middle = [(divide_at, 0), (divide_at + bend, SIDE / 2), (divide_at, SIDE)]
    homes = [
        shapely.Polygon([(0, 0), *middle, (0, SIDE)]),
        shapely.Polygon([(SIDE, SIDE), *middle[::-1], (SIDE, 0)]),
    ]
    corners = chance.uniform(0, SIDE, (12, 2))
    houses = [
        shapely.box(x, y, x + w, y + h)
        for (x, y), (w, h) in zip(corners, chance.uniform(8, 60, (12, 2)), strict=True)
    ]
    lake = [shapely.Point(*chance.uniform(80, 360, 2)).buffer(float(chance.uniform(5, 120)))]
    of = ground(homes, roads, lake, houses)
    assert_exact(divide(of, GridOptions()), of)


def test_cells_follow_streets_and_have_the_right_size() -> None:
    streets = [(4, [(x, -10.0), (x, 550.0)]) for x in (0.0, 150.0, 300.0, 450.0)]
    streets += [(4, [(-10.0, y), (460.0, y)]) for y in (0.0, 180.0, 360.0, 540.0)]
    of = ground([shapely.box(0, 0, 450, 540)], streets)
    made = divide(of, GridOptions())
    area = shapely.area(made.cells)
    assert_exact(made, of)
    assert ((area >= 5_000) & (area <= 20_000)).all()
    # Every street but those on the outline is a border over its whole length.
    borders = shapely.union_all(shapely.boundary(made.cells)).buffer(1.5)
    inner = shapely.intersection(shapely.union_all(of.roads), of.homes[0].buffer(-20))
    assert inner.difference(borders).length < 0.02 * inner.length


def test_two_carriageways_leave_no_ribbon() -> None:
    streets = [(1, [(-10.0, y), (610.0, y)]) for y in (290.0, 310.0)]
    made = divide(ground([shapely.box(0, 0, 600, 600)], streets), GridOptions())
    assert coverage.widths(made.cells).min() > 40


def test_rows_of_buildings_stay_whole() -> None:
    rows = [shapely.box(20, y, 380, y + 12) for y in range(20, 380, 30)]
    of = ground([shapely.box(0, 0, 400, 400)], buildings=rows)
    made = divide(of, GridOptions())
    assert_exact(made, of)
    assert len(made.cells) > 8
    assert len(cut_buildings(made.cells, Buildings.of(of.buildings))[0]) == 0


def test_wide_water_has_cells_of_its_own() -> None:
    of = ground([shapely.box(0, 0, 600, 600)], water=[shapely.box(200, 0, 400, 600)])
    made = divide(of, GridOptions())
    assert_exact(made, of)
    wet = made.cells[made.wet == 1]
    assert shapely.area(wet).sum() == pytest.approx(120_000, rel=0.02)


def test_no_cell_is_merged_over_a_main_road_when_it_can_be_helped() -> None:
    # A strip of 4,500 m² between the main road and a lane joins over the lane.
    roads = [(1, [(-10.0, 200.0), (410.0, 200.0)]), (4, [(-10.0, 250.0), (410.0, 250.0)])]
    of = ground([shapely.box(0, 0, 90, 400)], roads)
    made = divide(of, GridOptions())
    main = shapely.union_all(shapely.boundary(made.cells)).buffer(2.0)
    assert shapely.intersection(of.roads[0], of.homes[0]).difference(main).length < 1


def test_overlaps_and_narrow_gaps_of_areas_are_settled_and_told() -> None:
    homes = np.array(
        [shapely.box(0, 0, 300, 300), shapely.box(299, 0, 600, 300), shapely.box(602, 0, 800, 300)]
    )
    faces, home, faults = settle_homes(homes)
    assert sorted(fault.kind for fault in faults) == ["area_overlap"]
    assert shapely.area(faces).sum() == pytest.approx(shapely.union_all(homes).area)
    assert shapely.area(faces[home == 0]).sum() == pytest.approx(90_000)


def test_an_enclosed_gap_goes_to_a_neighbour() -> None:
    homes = np.array([
        shapely.Polygon([(0, 0), (300, 0), (300, 100), (290, 150), (300, 200), (300, 300), (0, 300)]),
        shapely.box(300, 0, 600, 300),
    ])  # fmt: skip
    faces, _, faults = settle_homes(homes)
    assert [fault.kind for fault in faults] == ["area_gap"]
    assert shapely.area(faces).sum() == pytest.approx(180_000)


def test_tiny_area_is_one_cell() -> None:
    made = divide(ground([shapely.box(0, 0, 40, 40)]), GridOptions())
    assert len(made.cells) == 1


_HOLED = shapely.box(0, 0, 600, 600).difference(shapely.box(150, 150, 350, 300))
_APART = shapely.MultiPolygon([shapely.box(0, 0, 300, 300), shapely.box(420, 0, 760, 260)])
_RIVER = shapely.LineString([(-50, 300), (400, 340), (900, 280)]).buffer(45)


@pytest.mark.parametrize(
    ("home", "roads", "water"),
    [
        (_HOLED, [(4, [(-10, 75), (610, 75)]), (4, [(450, -10), (450, 610)])], []),
        (_APART, [], []),
        (shapely.box(0, 0, 560, 420), [], []),
        (shapely.box(0, 0, 560, 420), [(3, [(-50, 150), (610, 230)])], []),
        (shapely.box(0, 0, 500, 560), [(3, [(250, -50), (250, 610)])], [_RIVER]),
        (shapely.box(0, 0, 900, 3), [], []),
        (shapely.box(0, 0, 900, 500), [], []),
    ],
    ids=["hole", "parts", "no roads", "one road", "river", "3 m sliver", "large block"],
)
def test_awkward_ground_is_divided_exactly(
    home: shapely.Geometry, roads: list[tuple[int, list[tuple[float, float]]]], water: list[shapely.Geometry]
) -> None:
    of = ground([home], roads, water)
    made = divide(of, GridOptions())
    assert_exact(made, of)
    if home.area > 150_000 and not water:
        share = (shapely.area(made.cells) >= 5_000) & (shapely.area(made.cells) <= 20_000)
        assert share.mean() >= 0.8


def test_an_area_that_crosses_itself_is_divided_as_its_loops() -> None:
    bow_tie = shapely.Polygon([(120.0, 30.5), (120.004, 30.503), (120.004, 30.5), (120.0, 30.503)])
    beside = shapely.box(120.004, 30.5, 120.006, 30.503)
    of = ground_from_rows([("a", bow_tie.wkb), ("b", beside.wkb)], [], [], [])
    assert shapely.is_valid(of.homes).all()
    assert shapely.area(of.homes[0]) == pytest.approx(shapely.area(of.homes[1]), rel=0.01)
    assert_exact(divide(of, GridOptions()), of)
