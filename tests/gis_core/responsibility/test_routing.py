"""Routes along roads: every point is passed, on roads, and not much longer than need be."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_core.responsibility.connection import parts
from gis_core.responsibility.routing import propose, shortest_order


def lattice(size: int = 5) -> np.ndarray:
    """Streets each 100 m."""
    reach = (size - 1) * 100.0
    lines = [shapely.LineString([(i * 100.0, 0), (i * 100.0, reach)]) for i in range(size)]
    lines += [shapely.LineString([(0, i * 100.0), (reach, i * 100.0)]) for i in range(size)]
    return np.array(lines)


@settings(max_examples=40, deadline=None)
@given(
    points=st.lists(st.tuples(st.floats(0, 400), st.floats(0, 400)), min_size=2, max_size=8, unique=True),
    round_trip=st.booleans(),
)
def test_route_passes_every_point_and_keeps_to_the_roads(
    points: list[tuple[float, float]], round_trip: bool
) -> None:
    places = shapely.points(np.round(points, 2))
    roads = lattice()
    route = propose(places, roads, round_trip=round_trip)
    assert sorted(route.order.tolist()) == list(range(len(points)))
    assert route.order[0] == 0
    assert route.line is not None
    assert shapely.distance(route.line, places).max() < 0.01
    # Off the roads only as far from a point as the nearest road is.
    around = shapely.buffer(places, shapely.distance(shapely.union_all(roads), places) + 0.2, quad_segs=32)
    allowed = shapely.union_all([*shapely.buffer(roads, 0.01), *around])
    assert route.line.difference(allowed).length < 0.1
    ends = shapely.get_coordinates(route.line)[[0, -1]]
    if round_trip:
        assert np.hypot(*(ends[0] - ends[1])) < 0.01


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), round_trip=st.booleans())
def test_order_of_few_points_is_the_best(seed: int, round_trip: bool) -> None:
    place = np.random.default_rng(seed).uniform(0, 1000, (6, 2))
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))

    def length(order: list[int]) -> float:
        path = [*order, order[0]] if round_trip else order
        return float(distance[path[:-1], path[1:]].sum())

    best = min(length([0, *rest]) for rest in itertools.permutations(range(1, 6)))
    assert length(shortest_order(distance, round_trip=round_trip).tolist()) == pytest.approx(best)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(9, 25), round_trip=st.booleans())
def test_no_turn_shortens_the_order_of_many_points(seed: int, count: int, round_trip: bool) -> None:
    place = np.random.default_rng(seed).uniform(0, 1000, (count, 2))
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    order = shortest_order(distance, round_trip=round_trip).tolist()
    assert (order[0], sorted(order)) == (0, list(range(count)))

    def length(way: list[int]) -> float:
        path = [*way, way[0]] if round_trip else way
        return float(distance[path[:-1], path[1:]].sum())

    turned = [
        order[:a] + order[a:b][::-1] + order[b:] for a in range(1, count) for b in range(a + 1, count + 1)
    ]
    assert min(length(way) for way in turned) >= length(order) - 1e-5


def test_a_point_beyond_the_roads_is_told() -> None:
    roads = np.array([shapely.LineString([(0, 0), (100, 0)]), shapely.LineString([(0, 900), (100, 900)])])
    route = propose(shapely.points([(0, 5), (100, 5), (50, 905)]), roads, round_trip=False)
    assert route.line is None
    assert route.unreached.tolist() == [2]


def test_without_roads_nothing_is_reached() -> None:
    route = propose(shapely.points([(0, 5), (100, 5)]), np.empty(0, dtype=object), round_trip=False)
    assert route.unreached.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(0, 0, 1, 1)], 1),
        ([(0, 0, 100, 100), (100, 0, 200, 100)], 1),
        ([(0, 0, 100, 100), (100.03, 0, 200, 100)], 1),
        ([(0, 0, 100, 100), (100, 100, 200, 200)], 2),
        ([(0, 0, 100, 100), (300, 0, 400, 100), (100, 0, 300, 100)], 1),
    ],
)
def test_parts_need_a_common_border(boxes: list[tuple[float, ...]], expected: int) -> None:
    assert parts(np.array([shapely.box(*box) for box in boxes])) == expected
