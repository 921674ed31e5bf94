"""Ways by road: one-way streets, who may go where, and places off every road."""

import numpy as np
import pytest
import shapely

from tracking.locator import metres_per_degree
from tracking.road_ways import BY_VEHICLE, ON_FOOT, Lines, find_ways

ROADS = [
    ("LINESTRING(120 30.5, 120.01 30.5)", True, "primary"),
    ("LINESTRING(120.01 30.5, 120.01 30.51)", False, "primary"),
    ("LINESTRING(120.01 30.51, 120 30.51, 120 30.5)", False, "residential"),
    ("LINESTRING(120.005 30.5, 120.005 30.51)", False, "footway"),
]
EAST, NORTH = 959.4, 1108.8
"""Metres of a hundredth of a degree there."""


def lines() -> Lines:
    shapes, oneway, classes = zip(*ROADS, strict=True)
    return Lines(shapely.from_wkt(np.array(shapes)), np.array(oneway), np.array(classes, dtype=object))


def test_a_vehicle_goes_round_where_a_street_is_one_way() -> None:
    units = np.array([(120.01, 30.5), (120.0, 30.5), (120.005, 30.5)])
    with_traffic = find_ways(lines(), (120.01, 30.5), units[1:], BY_VEHICLE).metres
    assert with_traffic.tolist() == pytest.approx([EAST, EAST / 2], rel=2e-3)
    against = find_ways(lines(), (120.0, 30.5), units[:1], BY_VEHICLE).metres
    assert against.tolist() == pytest.approx([EAST + 2 * NORTH], rel=2e-3)
    walked = find_ways(lines(), (120.0, 30.5), units[:1], ON_FOOT).metres
    assert walked.tolist() == pytest.approx([EAST], rel=2e-3)


def test_roads_that_only_cross_are_joined_when_nothing_else_leads_there() -> None:
    crossing = Lines(
        shapely.from_wkt(["LINESTRING(120 30.5, 120.02 30.5)", "LINESTRING(120.01 30.49, 120.01 30.51)"]),
        np.zeros(2, dtype=np.bool_),
        np.array(["primary", "primary"], dtype=object),
    )
    found = find_ways(crossing, (120.0, 30.5), np.array([(120.01, 30.51)]), BY_VEHICLE).metres
    assert found.tolist() == pytest.approx([EAST + NORTH], rel=2e-3)


def test_a_place_off_every_road_is_not_reached() -> None:
    far = np.array([(120.05, 30.55), (120.0, 30.51)])
    found = find_ways(lines(), (120.0, 30.5), far, BY_VEHICLE).metres
    assert np.isnan(found).tolist() == [True, False]


def test_the_way_is_as_long_as_it_is_told_and_leads_from_the_unit_to_the_place() -> None:
    units, target = np.array([(120.01, 30.501), (120.0, 30.508)]), (120.0, 30.5)
    ways = find_ways(lines(), target, units, BY_VEHICLE)
    scale = metres_per_degree(np.array([target[1]]))[0]
    for unit, line, metres in zip(units, ways.lines, ways.metres, strict=True):
        steps = np.hypot(*(np.diff(line, axis=0) * scale).T)
        assert steps.sum() == pytest.approx(metres, rel=1e-6)
        assert (line[0].tolist(), line[-1].tolist()) == (pytest.approx(unit), pytest.approx(target))
    assert [120.0, 30.51] in [pytest.approx(corner) for corner in ways.lines[0].tolist()]
