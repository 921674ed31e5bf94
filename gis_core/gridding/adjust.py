"""Changes to a few cells by hand, with the neighbours following: all of it stays one coverage.

Geometries are in metres. A change gets the cells it is about and their neighbours, and answers what they
are afterwards; a neighbour only gains the vertices at which a new border ends.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from gis_core.gridding import coverage
from gis_core.gridding.coverage import Geometries, Indices
from gis_core.gridding.errors import DifferentCommunities, LineMisses, NotAdjacent

_REACH_M = 5.0
"""A drawn line that ends this close inside a border is carried on to it."""


class Adjusted(NamedTuple):
    """The cells afterwards; ``of`` is the old cell each continues (or was cut from)."""

    cells: Geometries
    of: Indices


def split(cells: Geometries, target: int, line: shapely.LineString) -> Adjusted:
    """Cut one cell along a line. Raises LineMisses unless that makes two or more parts."""
    lines = _within(line, cells[target])
    found, cell = coverage.refaced(cells, lines)
    parts = int((cell == target).sum())
    if parts < 2:
        raise LineMisses(found=parts)
    group = np.where(cell == target, -np.arange(1, len(found) + 1), cell)
    return _settled(found, cell, group)


def merge(cells: Geometries, targets: Sequence[int], communities: Sequence[str]) -> Adjusted:
    """Join cells that hang together and lie in one community; the first one's is continued.

    Raises DifferentCommunities, NotAdjacent.
    """
    _in_one_community(targets, communities)
    group = np.arange(len(cells), dtype=np.int64)
    group[list(targets)] = targets[0]
    union = shapely.coverage_union_all(cells[list(targets)])
    if len(targets) < 2 or union.geom_type != "Polygon":
        raise NotAdjacent(cells=", ".join(str(index) for index in targets))
    return _settled(cells, group, group)


def move_border(
    cells: Geometries, pair: tuple[int, int], line: shapely.LineString, communities: Sequence[str]
) -> Adjusted:
    """Put the drawn line in the place of the border between two cells.

    Raises DifferentCommunities, NotAdjacent, and LineMisses unless the line makes two parts of the pair.
    """
    _in_one_community(pair, communities)
    one, two = cells[pair[0]], cells[pair[1]]
    union = shapely.coverage_union_all(np.array([one, two]))
    if union.geom_type != "Polygon":
        raise NotAdjacent(cells=f"{pair[0]}, {pair[1]}")
    joined = cells.copy()
    joined[pair[0]] = union
    rest = np.delete(joined, pair[1])
    kept = np.delete(np.arange(len(cells)), pair[1])
    found, cell = coverage.refaced(rest, _within(line, union))
    cell = np.where(cell >= 0, kept[cell], -1)
    halves = np.flatnonzero(cell == pair[0])
    if len(halves) != 2:
        raise LineMisses(found=len(halves))
    # The half that holds more of the second cell, measured against the first, is the second's.
    more = shapely.area(shapely.intersection(found[halves], one)) / one.area
    more -= shapely.area(shapely.intersection(found[halves], two)) / two.area
    cell[halves[np.argmin(more)]] = pair[1]
    return _settled(found, cell, cell)


def _settled(found: Geometries, cell: Indices, group: Indices) -> Adjusted:
    inside = cell >= 0
    found, cell, group = found[inside], cell[inside], group[inside]
    number = coverage.renumbered(group)
    first = np.unique(number, return_index=True)[1]
    return Adjusted(coverage.dissolve(found, number), cell[first])


def _in_one_community(targets: Sequence[int], communities: Sequence[str]) -> None:
    met = sorted({communities[index] for index in targets})
    if len(met) > 1:
        raise DifferentCommunities(communities=", ".join(met))


def _within(line: shapely.LineString, shape: shapely.Polygon) -> Geometries:
    """The parts of the line inside the shape, ends that nearly reach the border carried on to it."""
    coords = shapely.get_coordinates(line)
    if len(coords) < 2 or line.length == 0:
        raise LineMisses(found=1)
    start = coords[0] + (coords[0] - coords[1]) * _REACH_M / max(np.hypot(*(coords[0] - coords[1])), 1e-9)
    end = coords[-1] + (coords[-1] - coords[-2]) * _REACH_M / max(np.hypot(*(coords[-1] - coords[-2])), 1e-9)
    longer = shapely.linestrings(np.vstack([start, coords, end]))
    parts: Geometries = shapely.get_parts(shapely.intersection(longer, shape))
    lines: Geometries = parts[shapely.get_type_id(parts) == 1]
    return lines
