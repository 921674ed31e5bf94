"""A plane cut by lines: noding, faces, and which lines bound which faces.

All lines are noded once on a 1 cm grid and everything with an area is made of the resulting faces,
so neighbouring areas share their vertices exactly: no gap and no overlap can arise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[Any]
PRECISION_M = 0.01
_TOUCH_M = 0.02


def node(lines: Sequence[Any] | Geometries) -> Geometries:
    """The lines cut at all their crossings, as 2-vertex-or-more pieces without duplicates."""
    merged = shapely.union_all(np.asarray(lines, dtype=object), grid_size=PRECISION_M)
    return np.asarray(shapely.get_parts(merged))


def trace(edges: Geometries, lines: Geometries, rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each noded edge the index of the line it came from; of several, that of lowest ``rank``.

    -1 where none is within 2 cm (the precision of noding) of the edge's middle.
    """
    middles = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    tree = shapely.STRtree(lines)
    edge, line = tree.query(middles, predicate="dwithin", distance=_TOUCH_M)
    found = np.full(len(edges), -1, dtype=np.int64)
    order = np.lexsort((line, rank[line]))[::-1]
    found[edge[order]] = line[order]
    return found


def faces(edges: Geometries) -> Geometries:
    """The areas enclosed by noded edges."""
    return np.asarray(shapely.get_parts(shapely.polygonize(edges)))


def sides(edges: Geometries, areas: Geometries) -> NDArray[np.int64]:
    """The one or two areas along each edge: shape (edges, 2), -1 for none."""
    middles = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    edge, area = shapely.STRtree(areas).query(middles, predicate="dwithin", distance=_TOUCH_M / 4)
    found = np.full((len(edges), 2), -1, dtype=np.int64)
    order = np.lexsort((area, edge))
    edge, area = edge[order], area[order]
    starts = np.searchsorted(edge, np.arange(len(edges)))
    counts = np.bincount(edge, minlength=len(edges))
    one, two = counts >= 1, counts >= 2
    found[one, 0] = area[starts[one]]
    found[two, 1] = area[starts[two] + 1]
    return found


def widths(areas: Geometries) -> NDArray[np.float64]:
    """About the narrow side of each area in metres: that of the rectangle of like area and outline."""
    half = shapely.length(areas) / 2
    size = shapely.area(areas)
    root = np.sqrt(np.maximum(half * half - 4 * size, 0.0))
    result: NDArray[np.float64] = (half - root) / 2
    return result


def merge_small(
    size: NDArray[np.float64],
    pairs: NDArray[np.int64],
    shared_m: NDArray[np.float64],
    *,
    smallest: float,
    largest: float,
) -> NDArray[np.int64]:
    """Join areas below ``smallest`` to the neighbour with the longest common edge, smallest first.

    ``pairs``: index pairs of neighbours, ``shared_m``: their common length. A join beyond
    ``largest`` is made only when no other neighbour exists. Returns the group of each area,
    numbered from 0.
    """
    group = list(range(len(size)))
    total = dict(enumerate(size.tolist()))
    around: dict[int, dict[int, float]] = {i: {} for i in range(len(size))}
    for (a, b), shared in zip(pairs.tolist(), shared_m.tolist(), strict=True):
        if a >= 0 and b >= 0 and a != b:
            around[a][b] = around[a].get(b, 0.0) + shared
            around[b][a] = around[b].get(a, 0.0) + shared
    members = {i: [i] for i in range(len(size))}
    waiting = sorted((s, i) for i, s in total.items() if s < smallest)
    while waiting:
        area, small = waiting.pop(0)
        if small not in total or total[small] != area or not around[small]:
            continue
        near = around[small]
        fitting = [n for n in near if total[n] + area <= largest] or list(near)
        into = max(fitting, key=lambda n: (near[n] / (1.0 + total[n] / smallest) ** 0.5, -n))
        _absorb(into, small, total, around, members)
        if total[into] < smallest:
            waiting.append((total[into], into))
            waiting.sort()
    for number, key in enumerate(sorted(members)):
        for member in members[key]:
            group[member] = number
    return np.asarray(group, dtype=np.int64)


def _absorb(
    into: int,
    small: int,
    total: dict[int, float],
    around: dict[int, dict[int, float]],
    members: dict[int, list[int]],
) -> None:
    total[into] += total.pop(small)
    members[into] += members.pop(small)
    for other, shared in around.pop(small).items():
        around[other].pop(small)
        if other != into:
            around[into][other] = around[into].get(other, 0.0) + shared
            around[other][into] = around[other].get(into, 0.0) + shared


def dissolve(areas: Geometries, group: NDArray[np.int64]) -> Geometries:
    """The union of the areas of each group; shared vertices stay where they are."""
    order = np.argsort(group, kind="stable")
    cuts = np.searchsorted(group[order], np.arange(1, int(group.max()) + 1))
    unions = [shapely.coverage_union_all(part) for part in np.split(areas[order], cuts)]
    return np.asarray([_one_part(union) for union in unions], dtype=object)


def _one_part(union: Any) -> Any:
    parts = shapely.get_parts(union)
    return parts[0] if len(parts) == 1 else union
