"""A route through patrol points along roads: shortest ways by Dijkstra, their order by 2-opt and Or-opt.

Inspectors walk or cycle, so one-way streets bind nobody. The network is the roads' lines noded with short
links from each point to its nearest road; every vertex is a node.
"""

from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gis_core.gridding import coverage
from gis_core.gridding.coverage import Floats, Geometries, Indices

_STUB = np.array([0.06, 0.08])
_LINK_COST = 2.0
"""Off the road a metre counts twice, so that a route returns to it."""


@dataclass(frozen=True)
class Route:
    """``order``: indices of the points as they are passed; ``unreached`` ones have no way to them."""

    order: Indices
    line: shapely.LineString | None
    length_m: float
    unreached: Indices


def propose(points: Geometries, roads: Geometries, *, round_trip: bool) -> Route:
    """Visit all points (metres), beginning with the first; back to it where ``round_trip``."""
    everyone = np.arange(len(points), dtype=np.int64)
    if len(roads) == 0:
        return Route(everyone[:0], None, 0.0, everyone)
    nodes, graph, at = _network(points, roads)
    distance, before = dijkstra(graph, directed=False, indices=at, return_predecessors=True)
    between = distance[:, at]
    unreached = everyone[~np.isfinite(between[0])]
    if len(unreached):
        return Route(everyone[:0], None, 0.0, unreached)
    order = shortest_order(between, round_trip=round_trip)
    legs = list(pairwise(order.tolist()))
    if round_trip and len(order) > 1:
        legs.append((int(order[-1]), int(order[0])))
    steps = [_walk(before[start], at[start], at[end]) for start, end in legs]
    path = np.concatenate([steps[0][:1], *(step[1:] for step in steps)]) if steps else at[:1]
    if len(path) < 2:
        path = np.repeat(path, 2)
    line = shapely.linestrings(nodes[path])
    return Route(order, line, float(shapely.length(line)), everyone[:0])


def _network(points: Geometries, roads: Geometries) -> tuple[Floats, coo_array, Indices]:
    """Coordinates of the nodes, the graph with lengths, and the node of each point."""
    nearest = roads[shapely.STRtree(roads).nearest(points)]
    foot = shapely.line_interpolate_point(nearest, shapely.line_locate_point(nearest, points))
    start, end = shapely.get_coordinates(points), shapely.get_coordinates(foot)
    # A point on a road still needs a node there: its link goes on a hand's breadth beyond the road.
    ends = np.stack([start, end, end + _STUB], axis=1)
    links = shapely.linestrings(ends)
    lines = coverage.node(np.concatenate([roads, links]))
    lines = lines[shapely.get_type_id(lines) == 1]
    coords, line = shapely.get_coordinates(lines, return_index=True)
    nodes, number = np.unique(np.round(coords, 3), axis=0, return_inverse=True)
    number = number.ravel()
    along = line[:-1] == line[1:]
    start, end = number[:-1][along], number[1:][along]
    length = np.hypot(*(nodes[start] - nodes[end]).T)
    middle = shapely.points((nodes[start] + nodes[end]) / 2)
    off_road = shapely.STRtree(roads).query(middle, predicate="dwithin", distance=0.01)[0]
    cost = np.where(np.isin(np.arange(len(start)), off_road), length, length * _LINK_COST)
    graph = coo_array((np.maximum(cost, 1e-6), (start, end)), shape=(len(nodes), len(nodes))).tocsr()
    at = shapely.STRtree(shapely.points(nodes)).nearest(points)
    return nodes, graph, np.asarray(at, dtype=np.int64)


def _walk(before: NDArray[np.int32], start: int, end: int) -> Indices:
    path = [int(end)]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], dtype=np.int64)


ALL_TRIED = 8
"""Points up to which every order is tried (5,040 of them)."""


def shortest_order(distance: Floats, *, round_trip: bool) -> Indices:
    """A short order of all points that begins with the first.

    The shortest one up to ``ALL_TRIED`` points, by trying all; beyond, nearest neighbour, then 2-opt and
    Or-opt until neither helps: short, not proven shortest.
    """
    if len(distance) <= ALL_TRIED:
        return _shortest_of_all(distance, round_trip=round_trip)
    order = _nearest_neighbour(distance)
    better = True
    while better and len(order) > 2:
        better = _improve(order, distance, round_trip=round_trip)
    return np.array(order, dtype=np.int64)


def _shortest_of_all(distance: Floats, *, round_trip: bool) -> Indices:
    rest = np.array(list(permutations(range(1, len(distance)))), dtype=np.int64)
    orders = np.column_stack((np.zeros(len(rest), dtype=np.int64), rest))
    steps = distance[orders[:, :-1], orders[:, 1:]].sum(axis=1)
    if round_trip:
        steps = steps + distance[orders[:, -1], 0]
    best: Indices = orders[int(steps.argmin())]
    return best


def _nearest_neighbour(distance: Floats) -> list[int]:
    order, left = [0], set(range(1, len(distance)))
    while left:
        here = order[-1]
        order.append(min(left, key=lambda other: (distance[here, other], other)))
        left.remove(order[-1])
    return order


def _length(order: list[int], distance: Floats, *, round_trip: bool) -> float:
    path = [*order, order[0]] if round_trip else order
    return float(distance[path[:-1], path[1:]].sum())


def _improve(order: list[int], distance: Floats, *, round_trip: bool) -> bool:
    """Apply the first change found that shortens the route; False when there is none."""
    now = _length(order, distance, round_trip=round_trip)
    count = len(order)
    for first in range(1, count):
        for last in range(first + 1, count + 1):
            turned = order[:first] + order[first:last][::-1] + order[last:]
            moved = [turned]
            if last - first <= 3:
                rest = order[:first] + order[last:]
                piece = order[first:last]
                moved += [rest[:i] + piece + rest[i:] for i in range(1, len(rest) + 1)]
            for other in moved:
                if _length(other, distance, round_trip=round_trip) < now - 1e-6:
                    order[:] = other
                    return True
    return False
