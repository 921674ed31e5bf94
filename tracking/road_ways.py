"""How far it is by road and which way, within a few kilometres: a graph of the roads around, made for
the question.

Roads join where they share a corner, as OpenStreetMap and the importers keep them; where not one unit
could be reached that way, they join wherever they cross. Vehicles keep to one-way streets and off
footways; people on foot walk anywhere but on motorways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking.locator import metres_per_degree

QUERIES = load_queries("tracking", "road_ways.sql")
MOST_ROADS = 20_000
ROOM_M = 1_500.0
"""Roads are looked at so far beyond the box of the place and the units."""
OFF_ROAD_M = 300.0
"""A place further than this from every road is not reached by road."""
ROUNDING = 1e7
"""Corners nearer than a ten-millionth of a degree (a centimetre) are one."""
ON_FOOT, BY_VEHICLE = "foot", "vehicle"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lines:
    """Roads as WKB, and what may go on them."""

    shapes: NDArray[Any]
    oneway: NDArray[np.bool_]
    classes: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Ways:
    """Of each unit, in their order: ``metres`` by road (NaN: not reached), and the way as longitude,
    latitude a row, from the unit to the target (none where it is not reached)."""

    metres: Floats
    lines: list[Floats]


async def read_lines(conn: AsyncConnection, places: Floats) -> Lines | None:
    """Roads around some places (longitude, latitude a row); None where they are too many."""
    scale = metres_per_degree(places[:1, 1])[0]
    (west, south), (east, north) = places.min(axis=0), places.max(axis=0)
    room = ROOM_M / scale
    box = {"west": west - room[0], "east": east + room[0], "south": south - room[1], "north": north + room[1]}
    asked = {**{edge: float(value) for edge, value in box.items()}, "most": MOST_ROADS + 1}
    rows = (await conn.execute(QUERIES["roads_around"], asked)).all()
    if len(rows) > MOST_ROADS:
        return None
    return Lines(
        shapely.from_wkb(np.array([bytes(row.line) for row in rows], dtype=object)),
        np.array([row.oneway for row in rows], dtype=np.bool_),
        np.array([row.road_class for row in rows], dtype=object),
    )


def find_ways(lines: Lines, target: Sequence[float], units: Floats, how: str) -> Ways:
    """Ways by road from each unit (longitude, latitude a row) to the target."""
    nowhere = Ways(np.full(len(units), np.nan), [np.empty((0, 2)) for _ in units])
    fit = lines.classes != ("motorway" if how == ON_FOOT else "footway")
    if not fit.any() or not len(units):
        return nowhere
    shapes = lines.shapes[fit]
    oneway = lines.oneway[fit] if how == BY_VEHICLE else np.zeros(int(fit.sum()), dtype=np.bool_)
    scale = metres_per_degree(np.array([target[1]]))[0]
    origin = np.asarray(target, dtype=np.float64)
    ends = (np.vstack((origin, units)) - origin) * scale
    found = _search(_segments(shapes, oneway, origin, scale), ends)
    if np.isnan(found.metres).all():
        whole = shapely.get_parts(shapely.union_all(shapes))
        found = _search(_segments(whole, np.zeros(len(whole), dtype=np.bool_), origin, scale), ends)
    return Ways(found.metres, [line / scale + origin for line in found.lines])


def _segments(
    shapes: NDArray[Any], oneway: NDArray[np.bool_], origin: Floats, scale: Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, NDArray[np.bool_]]:
    """From-corner, to-corner, corners in metres about the target, one-way; a segment an element."""
    parts, road = shapely.get_parts(shapes, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    corners, number = np.unique(np.round(xy * ROUNDING).astype(np.int64), axis=0, return_inverse=True)
    number = number.ravel()
    same = part[1:] == part[:-1]
    return (
        number[:-1][same],
        number[1:][same],
        (corners / ROUNDING - origin) * scale,
        oneway[road[part[:-1][same]]],
    )


def _search(
    segments: tuple[NDArray[np.intp], NDArray[np.intp], Floats, NDArray[np.bool_]], ends: Floats
) -> Ways:
    """From the first of ``ends`` to the others, against the traffic: they come to it. Lines in metres."""
    start, stop, corners, oneway = segments
    a, b = corners[start], corners[stop]
    along = b - a
    length = np.hypot(along[:, 0], along[:, 1])
    nodes = len(corners)
    square = np.maximum(length**2, 1e-9)
    on: dict[int, list[tuple[float, int]]] = {}
    leaving, arriving, metres = list(start), list(stop), list(length)
    free = list(~oneway)
    feet_at = ends.copy()
    for place, end in enumerate(ends):
        share = np.clip(((end - a) * along).sum(axis=1) / square, 0, 1)
        away = np.hypot(*(a + along * share[:, None] - end).T)
        nearest = int(away.argmin())
        if away[nearest] > OFF_ROAD_M:
            continue
        foot = nodes + len(ends) + place
        feet_at[place] = a[nearest] + along[nearest] * share[nearest]
        on.setdefault(nearest, []).append((float(share[nearest]), foot))
        leaving.append(nodes + place)
        arriving.append(foot)
        metres.append(away[nearest])
        free.append(True)
    for segment, feet in on.items():
        feet = [(0.0, start[segment]), *sorted(feet), (1.0, stop[segment])]
        for (before, node), (after, following) in pairwise(feet):
            leaving.append(node)
            arriving.append(following)
            metres.append((after - before) * length[segment])
            free.append(not oneway[segment])
    # Asked from the target, so that an edge leads from where one arrives to where one comes from.
    left, came, way, both = np.array(leaving), np.array(arriving), np.array(metres), np.array(free)
    row, column = np.append(came, left[both]), np.append(left, came[both])
    weight = np.append(way, way[both])
    size = nodes + 2 * len(ends)
    order = np.lexsort((weight, column, row))
    row, column, weight = row[order], column[order], np.maximum(weight[order], 1e-6)
    first = np.append(True, (row[1:] != row[:-1]) | (column[1:] != column[:-1]))
    graph = coo_matrix((weight[first], (row[first], column[first])), shape=(size, size)).tocsr()
    metres, before = dijkstra(graph, indices=nodes, return_predecessors=True)
    places = np.vstack((corners, ends, feet_at))
    reached = metres[nodes + 1 : nodes + len(ends)]
    ways = [places[_back(before, nodes + 1 + unit)] for unit in range(len(ends) - 1)]
    return Ways(np.where(np.isfinite(reached), reached, np.nan), ways)


def _back(before: NDArray[np.int32], node: int) -> list[int]:
    """Nodes from one to where the search began; empty where it never came."""
    if before[node] < 0:
        return []
    way = [node]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way
