"""Unit grids 单元网格 of about 10,000 m², cut from the blocks of each community, and their codes.

Rules: STANDARDS of unit grids (GB/T 30428.1): inside one community, no gap, no overlap, along roads
where one is near, numbered in a community from west to east, then north to south; 15-digit codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from command_center.demo import planar
from command_center.demo.areas import Areas
from command_center.demo.planar import Geometries
from command_center.demo.streets import Network

TARGET_M2 = 11_300.0
_SMALLEST_M2 = 5_200.0
_LARGEST_M2 = 19_500.0
_SLIVER_M2 = 25.0


@dataclass(frozen=True)
class UnitGrids:
    """``community`` and ``quarter`` of each cell; ``pairs`` of neighbours with their common length."""

    shapes: Geometries
    codes: Sequence[str]
    community: NDArray[np.int64]
    quarter: Sequence[str]
    pairs: NDArray[np.int64]
    shared_m: NDArray[np.float64]
    block: NDArray[np.int64]
    """The block (largest, where several were joined) of each cell."""
    seams: Geometries
    """Borders between two cells of one block: walls and lanes inside it."""


def cut_unit_grids(network: Network, areas: Areas) -> UnitGrids:
    """Cut blocks across their long side until a piece is near the target; join what is too small."""
    borders = [shapely.boundary(piece) for block in network.blocks for piece in _pieces(block)]
    edges = planar.node(borders)
    atoms = planar.faces(edges)
    sides = planar.sides(edges, atoms)
    inner = (sides >= 0).all(axis=1)
    shared = shapely.length(edges)
    block_of = _blocks_of(atoms, network.blocks, sides[inner], shared[inner])
    community = areas.community[block_of]
    same = inner & (community[sides[:, 0]] == community[sides[:, 1]])
    wet = np.array([network.quarter[b] == "water" for b in block_of])
    fit = np.where(wet[sides[:, 0]] == wet[sides[:, 1]], 1.0, 0.1)
    fit *= np.where(block_of[sides[:, 0]] == block_of[sides[:, 1]], 2.0, 1.0)
    group = planar.merge_small(
        shapely.area(atoms), sides[same], (shared * fit)[same], smallest=_SMALLEST_M2, largest=_LARGEST_M2
    )
    shapes = planar.dissolve(atoms, group)
    by_size = np.argsort(-shapely.area(atoms), kind="stable")
    first = by_size[np.unique(group[by_size], return_index=True)[1]]
    community = community[first]
    order, codes = _numbered(shapes, community, areas.community_codes)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    pairs = place[group[sides]]
    across = inner & (pairs[:, 0] != pairs[:, 1])
    return UnitGrids(
        shapes[order],
        codes,
        community[order],
        [network.quarter[block] for block in block_of[first[order]].tolist()],
        pairs[across],
        shared[across],
        block_of[first[order]],
        edges[
            inner
            & (group[sides[:, 0]] != group[sides[:, 1]])
            & (block_of[sides[:, 0]] == block_of[sides[:, 1]])
        ],
    )


def _blocks_of(
    atoms: Geometries, blocks: Geometries, sides: NDArray[np.int64], shared: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The block of each atom; slivers that rounding made at a border go with their longest neighbour."""
    found = np.asarray(shapely.STRtree(blocks).nearest(shapely.point_on_surface(atoms)), dtype=np.int64)
    size = shapely.area(atoms)
    for sliver in np.flatnonzero(size < _SLIVER_M2):
        touching = np.flatnonzero((sides == sliver).any(axis=1) & (sides[:, 0] != sides[:, 1]))
        if len(touching):
            longest = sides[touching[np.argmax(shared[touching])]]
            found[sliver] = found[longest[longest != sliver][0]]
    return found


def settle_areas(areas: Areas, grids: UnitGrids) -> Areas:
    """The areas as the unions of their unit grids, to the last vertex."""
    communities = planar.dissolve(grids.shapes, grids.community)
    return replace(
        areas,
        communities=communities,
        streets=planar.dissolve(communities, areas.street),
        district=shapely.coverage_union_all(communities),
    )


def _pieces(block: shapely.Polygon) -> list[shapely.Polygon]:
    """The block cut into as many parts as the target area goes into it."""
    count = round(block.area / TARGET_M2)
    if count <= 1:
        return [block]
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(block))[:4]
    one, two = corners[1] - corners[0], corners[2] - corners[1]
    long = one if np.hypot(*one) >= np.hypot(*two) else two
    length = float(np.hypot(*long))
    along = long / length
    across = np.array([-along[1], along[0]])
    start = corners[np.argmin(corners @ along)]
    low, high = 0.0, length
    wanted = block.area * (count // 2) / count
    for _ in range(9):
        middle = (low + high) / 2
        if _part_until(block, start, along, across, middle).area < wanted:
            low = middle
        else:
            high = middle
    near = _part_until(block, start, along, across, (low + high) / 2)
    far = shapely.difference(block, near)
    return [
        piece
        for part in (near, far)
        for polygon in shapely.get_parts(part)
        if polygon.geom_type == "Polygon" and polygon.area > 1.0
        for piece in _pieces(polygon)
    ]


def _part_until(
    block: shapely.Polygon,
    start: NDArray[np.float64],
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    distance: float,
) -> shapely.Polygon:
    reach = across * 5_000.0
    end = start + along * distance
    back = start - along * 50.0
    return shapely.intersection(
        block, shapely.Polygon([back - reach, end - reach, end + reach, back + reach])
    )


def _numbered(
    shapes: Geometries, community: NDArray[np.int64], community_codes: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Order of the cells by community, rows of about 100 m from the north, then west to east."""
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    order = np.lexsort((centre[:, 0], -np.round(centre[:, 1] / 100.0), community))
    codes = []
    seen: dict[int, int] = {}
    for number in community[order].tolist():
        seen[number] = seen.get(number, 0) + 1
        codes.append(f"{community_codes[number]}{seen[number]:03d}")
    return order, codes
