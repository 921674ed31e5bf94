"""Responsibility grids 责任网格: connected sets of unit grids inside one community."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from command_center.demo import planar
from command_center.demo.areas import Areas
from command_center.demo.names import Name
from command_center.demo.planar import Geometries
from command_center.demo.unit_grids import UnitGrids

CELLS_PER_GRID = 26


@dataclass(frozen=True)
class DutyGrids:
    """``grid`` is the responsibility grid of each unit grid."""

    grid: NDArray[np.int64]
    shapes: Geometries
    codes: Sequence[str]
    names: Sequence[Name]
    community: NDArray[np.int64]


def form_duty_grids(grids: UnitGrids, areas: Areas) -> DutyGrids:
    """Cut each community across its long side into parts of about 26 cells; strays join a neighbour."""
    centre = shapely.get_coordinates(shapely.centroid(grids.shapes))
    part = np.zeros(len(grids.shapes), dtype=np.int64)
    following = 0
    for number in range(len(areas.communities)):
        members = np.flatnonzero(grids.community == number)
        parts = max(1, round(len(members) / CELLS_PER_GRID))
        spread = centre[members] - centre[members].mean(axis=0)
        axis = np.linalg.svd(spread, full_matrices=False)[2][0]
        rank = np.argsort(np.argsort(spread @ axis, kind="stable"), kind="stable")
        part[members] = following + rank * parts // len(members)
        following += parts
    pairs = grids.pairs
    same = part[pairs[:, 0]] == part[pairs[:, 1]]
    count = len(grids.shapes)
    graph = coo_array((np.ones(same.sum()), (pairs[same, 0], pairs[same, 1])), shape=(count, count))
    piece = np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
    size = np.bincount(piece).astype(float)
    home = grids.community[pairs[:, 0]] == grids.community[pairs[:, 1]]
    between = home & (piece[pairs[:, 0]] != piece[pairs[:, 1]])
    joined = planar.merge_small(
        size,
        piece[pairs[between]],
        grids.shared_m[between],
        smallest=CELLS_PER_GRID * 0.45,
        largest=CELLS_PER_GRID * 1.7,
    )
    grid = joined[piece]
    shapes = planar.dissolve(grids.shapes, grid)
    community = np.array([grids.community[np.argmax(grid == g)] for g in range(len(shapes))])
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    order = np.lexsort((middle[:, 0], -np.round(middle[:, 1] / 300.0), community))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    community = community[order]
    first = np.searchsorted(community, community)
    numbers = np.arange(len(community)) - first + 1
    names = [areas.community_names[c] for c in community]
    return DutyGrids(
        place[grid],
        shapes[order],
        [f"{areas.community_codes[c]}-{n:02d}" for c, n in zip(community, numbers, strict=True)],
        [
            Name(f"{name.zh}第{n}责任网格", f"{name.en} Grid {n}")
            for name, n in zip(names, numbers, strict=True)
        ],
        community,
    )
