"""The streets as a graph to walk on, and which of them belong to each responsibility grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from ingest.simulator.plane import Floats, Ints, Polylines

HALF_WIDTH_M = {"trunk": 17.0, "primary": 16.0, "secondary": 12.5, "tertiary": 9.0, "residential": 6.0}
"""From the middle of a road to its kerb; other classes 2.5 m."""
NOT_FOR_WALKERS = frozenset({"motorway", "trunk"})
_SLACK_M = 6.0
"""A kerb so little outside a grid still counts as its street."""
_FARTHEST_WALK_M = 1_500.0


class Streets:
    """Pieces of road between crossings. ``tail`` and ``head`` are the crossings of each."""

    def __init__(self, pieces: Sequence[Floats], classes: Sequence[str]) -> None:
        walkable = [c not in NOT_FOR_WALKERS for c in classes]
        pieces = [p for p, w in zip(pieces, walkable, strict=True) if w]
        self.lines = Polylines(pieces)
        self.kerb = np.array([HALF_WIDTH_M.get(c, 2.5) for c, w in zip(classes, walkable, strict=True) if w])
        ends = np.vstack([[p[0] for p in pieces], [p[-1] for p in pieces]])
        self.nodes, inverse = np.unique(np.round(ends, 1), axis=0, return_inverse=True)
        self.tail, self.head = inverse.reshape(2, -1)
        self.around: list[list[int]] = [[] for _ in self.nodes]
        for edge, (a, b) in enumerate(zip(self.tail.tolist(), self.head.tolist(), strict=True)):
            self.around[a].append(edge)
            self.around[b].append(edge)
        shape = (len(self.nodes), len(self.nodes))
        low, high = np.minimum(self.tail, self.head), np.maximum(self.tail, self.head)
        order = np.argsort(self.lines.length, kind="stable")
        pair = np.unique(np.stack([low, high], axis=1)[order], axis=0, return_index=True)[1]
        kept = order[pair]
        kept = kept[low[kept] != high[kept]]
        self._graph = coo_array((self.lines.length[kept], (low[kept], high[kept])), shape=shape).tocsr()
        self._edge = {(int(low[e]), int(high[e])): int(e) for e in kept}
        self._geoms = np.array([shapely.LineString(p) for p in pieces], dtype=object)
        self._tree = shapely.STRtree(self._geoms)

    def edges_of(self, grid: Any) -> tuple[Ints, Floats]:
        """Edges of which the walkable side lies in the grid, and that side: +1 left, -1 right, 0 both."""
        found = np.sort(self._tree.query(grid, predicate="intersects"))
        wide = grid.buffer(_SLACK_M)
        left = np.ones(len(found), dtype=bool)
        right = left.copy()
        for share in (0.1, 0.35, 0.65, 0.9):
            place, direction, _ = self.lines.at(found, self.lines.length[found] * share)
            normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
            reach = normal * (self.kerb[found] + 1.4)[:, None]
            left &= shapely.contains_xy(wide, *(place + reach).T)
            right &= shapely.contains_xy(wide, *(place - reach).T)
        side = np.where(left & right, 0.0, np.where(left, 1.0, -1.0))
        inside = left | right
        return found[inside], side[inside]

    def nearest(self, point: Floats) -> tuple[int, float]:
        """The edge nearest to a point and how far along it that is."""
        where = shapely.Point(point)
        edge = int(self._tree.nearest(where))
        return edge, float(shapely.line_locate_point(self._geoms[edge], where))

    def ways_from(self, node: int, farthest_m: float = _FARTHEST_WALK_M) -> tuple[Floats, Ints]:
        """Walking distance to every crossing (inf beyond ``farthest_m``) and the crossing before it."""
        distance, before = dijkstra(
            self._graph, directed=False, indices=node, return_predecessors=True, limit=farthest_m
        )
        return np.asarray(distance), np.asarray(before, dtype=np.int64)

    def way(self, before: Ints, target: int) -> list[int]:
        """The edges from where ``before`` was asked for to ``target``, in order."""
        edges: list[int] = []
        while (previous := int(before[target])) >= 0:
            edges.append(self._edge[(min(previous, target), max(previous, target))])
            target = previous
        return edges[::-1]


class Beat:
    """The streets one responsibility grid's inspectors walk."""

    def __init__(self, grid: Any, streets: Streets, built: float) -> None:
        self.grid = grid
        shapely.prepare(grid)
        self.edges, side = streets.edges_of(grid)
        self.side: Mapping[int, float] = dict(zip(self.edges.tolist(), side.tolist(), strict=True))
        self.noise = float(np.clip(0.75 + 2.2 * built, 0.8, 1.8))
        """Factor on GPS noise: streets between many houses see less sky."""
        self.nodes = np.unique(np.concatenate([streets.tail[self.edges], streets.head[self.edges]]))
        self.inner_nodes = (
            self.nodes[[len(self.side.keys() & set(streets.around[int(n)])) >= 2 for n in self.nodes]]
            if len(self.nodes)
            else self.nodes
        )
