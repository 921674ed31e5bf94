"""Roads as the map and the route search see them: named lines whose crossings share a vertex."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from command_center.demo import planar
from command_center.demo.names import Name
from command_center.demo.plan import ROAD_HALF_WIDTH_M, PlanLine
from command_center.demo.planar import Geometries
from command_center.demo.streets import RANK, Network
from command_center.demo.unit_grids import UnitGrids

_LANED_USES = frozenset({"slabs", "towers", "offices", "campus", "hospital", "mall", "market"})
"""Uses whose blocks have lanes inside."""


@dataclass(frozen=True)
class Roads:
    """``lines``: one per stretch of a road; ``edges``: the pieces between crossings.

    ``edge_road`` numbers the road of each edge; ``kinds`` and ``names`` describe the roads.
    """

    lines: Geometries
    kinds: Sequence[str]
    names: Sequence[Name | None]
    elevated: Sequence[bool]
    edges: Geometries
    edge_road: NDArray[np.int64]

    @property
    def edge_kinds(self) -> NDArray[np.str_]:
        return np.array(self.kinds)[self.edge_road]

    def surface(self, extra_m: float = 0.0) -> Geometries:
        """The ground each edge takes, widened by ``extra_m`` on both sides."""
        half = np.array([ROAD_HALF_WIDTH_M[str(kind)] for kind in self.edge_kinds])
        return np.asarray(shapely.buffer(self.edges, half + extra_m, quad_segs=3))


def lay_roads(rng: np.random.Generator, network: Network, use: Sequence[str], grids: UnitGrids) -> Roads:
    """The network's streets, and lanes along some of the seams inside the blocks of estates."""
    street = np.isin(network.kinds, list(ROAD_HALF_WIDTH_M))
    where, cell = shapely.STRtree(grids.shapes).query(
        shapely.line_interpolate_point(grids.seams, 0.5, normalized=True), predicate="intersects"
    )
    laned = np.zeros(len(grids.seams), dtype=bool)
    laned[where[[use[grids.block[c]] in _LANED_USES for c in cell]]] = True
    laned &= rng.uniform(size=len(grids.seams)) < 0.75
    source = np.concatenate([network.edges[street], grids.seams[laned]])
    plan: list[PlanLine] = [network.lines[i] for i in network.line[street]]
    rank = np.array([RANK[p.kind] for p in plan] + [len(RANK)] * int(laned.sum()), dtype=np.int64)
    edges = planar.node(source)
    origin = planar.trace(edges, source, rank)
    edges, origin = edges[origin >= 0], origin[origin >= 0]
    keys: dict[tuple[str, str, bool], list[int]] = {}
    for edge, line in enumerate(origin.tolist()):
        part = plan[line] if line < len(plan) else None
        key = (part.kind, part.name.zh, part.elevated) if part else ("service", "", False)
        keys.setdefault(key, []).append(edge)
    known = {p.name.zh: p.name for p in plan}
    lines: list[object] = []
    kinds: list[str] = []
    names: list[Name | None] = []
    elevated: list[bool] = []
    edge_road = np.full(len(edges), -1, dtype=np.int64)
    for (kind, zh, high), members in keys.items():
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(edges[members])))
        middles = shapely.line_interpolate_point(edges[members], 0.5, normalized=True)
        edge_road[members] = len(lines) + shapely.STRtree(merged).nearest(middles)
        lines += list(merged)
        kinds += [kind] * len(merged)
        names += [known.get(zh) if zh else None] * len(merged)
        elevated += [high] * len(merged)
    return Roads(np.array(lines, dtype=object), kinds, names, elevated, edges, edge_road)


def address_of(roads: Roads, points: Geometries) -> list[str]:
    """Road and house number of the nearest named road: two numbers every 12 m, odd on the left. Numbers go
    on from one piece of a road to its next one, west to east."""
    named = np.flatnonzero(
        [n is not None and k != "trunk" for n, k in zip(roads.names, roads.kinds, strict=True)]
    )
    nearest = named[shapely.STRtree(roads.lines[named]).nearest(points)]
    lines = roads.lines[nearest]
    starts, ends = (shapely.get_x(shapely.get_point(lines, end)) for end in (0, -1))
    lines = np.where(starts > ends, shapely.reverse(lines), lines)
    along = shapely.line_locate_point(lines, points)
    foot = shapely.get_coordinates(shapely.line_interpolate_point(lines, along))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(lines, along + 1.0)) - foot
    beside = shapely.get_coordinates(points) - foot
    left = ahead[:, 0] * beside[:, 1] - ahead[:, 1] * beside[:, 0] > 0
    along += _behind(roads, named)[nearest]
    number = (along / 12.0).astype(np.int64) * 2 + np.where(left, 1, 2)
    texts = []
    for road, house in zip(nearest.tolist(), number.tolist(), strict=True):
        name = roads.names[road]
        texts.append(f"{name.zh if name else ''}{house}号")
    return texts


def _behind(roads: Roads, named: NDArray[np.int64]) -> NDArray[np.float64]:
    """Metres of its road that lie before each line; 0 for lines without a name."""
    behind = np.zeros(len(roads.lines))
    so_far: dict[str, float] = {}
    west = shapely.bounds(roads.lines)[:, 0]
    for line in named[np.argsort(west[named], kind="stable")].tolist():
        name = roads.names[line]
        key = name.zh if name else ""
        behind[line] = so_far.get(key, 0.0)
        so_far[key] = behind[line] + float(shapely.length(roads.lines[line])) + 24.0
    return behind
