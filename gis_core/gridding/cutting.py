"""Straight cuts through blocks that are too large, between buildings where that can be helped.

Every block is cut in two again and again, all blocks of a round at once. Candidate cuts stand across the
long side of the block (and along it, slightly turned, and as its buildings stand); the best one is short,
leaves parts that make whole cells, and meets no building. A building that is met nevertheless goes
as a whole to the side that holds more of it, so that the border follows its walls.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.gridding.coverage import Floats, Geometries, Indices

_PLACES = np.linspace(0.12, 0.88, 27)
_TURNS_DEG = np.array([0.0, -9.0, 9.0, 90.0, 81.0, 99.0])
_ROUNDS = 14
_NARROW_M = 75.0
"""Parts narrower than this are avoided."""
_WALL_M = 0.3
"""A cut this deep into a wall is the wall's own inaccuracy."""
WHOLE_BUILDING_M2 = 12_000.0
"""Larger buildings (stations, halls) may be cut."""


class Buildings(NamedTuple):
    """Footprints in metres; ``tree`` indexes them, a hand's breadth smaller."""

    shapes: Geometries
    inner: Geometries
    tree: shapely.STRtree

    @classmethod
    def of(cls, shapes: Geometries) -> "Buildings":
        inner = shapely.buffer(shapes, -_WALL_M, join_style="mitre")
        return cls(shapes, inner, shapely.STRtree(inner))


def cut_large(
    blocks: Geometries, buildings: Buildings, *, target_m2: float, largest_m2: float
) -> tuple[Geometries, Indices]:
    """Pieces near the target area, and the block each came from."""
    done: list[Geometries] = []
    origin: list[Indices] = []
    todo, source = blocks, np.arange(len(blocks), dtype=np.int64)
    for _ in range(_ROUNDS):
        parts = np.round(shapely.area(todo) / target_m2).astype(np.int64)
        parts = np.where(shapely.area(todo) > largest_m2, np.maximum(parts, 2), parts)
        large = parts >= 2
        done.append(todo[~large])
        origin.append(source[~large])
        todo, source, parts = todo[large], source[large], parts[large]
        if len(todo) == 0:
            break
        near = _halves(todo, parts, buildings)
        pieces = np.concatenate([shapely.intersection(todo, near), shapely.difference(todo, near)])
        pieces, index = shapely.get_parts(pieces, return_index=True)
        polygons = (shapely.get_type_id(pieces) == 3) & (shapely.area(pieces) > 0.01)
        todo, source = pieces[polygons], np.tile(source, 2)[index[polygons]]
    return np.concatenate([*done, todo]), np.concatenate([*origin, source])


def _halves(blocks: Geometries, parts: Indices, buildings: Buildings) -> Geometries:
    """For each block the region on one side of its best cut."""
    rough = shapely.simplify(blocks, 2.0)
    corners = shapely.get_coordinates(shapely.oriented_envelope(rough)).reshape(-1, 5, 2)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    long = np.where((np.hypot(*one.T) >= np.hypot(*two.T))[:, None], one, two)
    angle = np.arctan2(long[:, 1], long[:, 0])
    turned = _building_turn(blocks, angle, buildings)
    turns = np.column_stack([np.tile(np.radians(_TURNS_DEG), (len(blocks), 1)), turned, turned + np.pi / 2])
    along = angle[:, None] + turns
    candidates = _Candidates(blocks, rough, corners[:, :4].mean(axis=1), along)
    cost = candidates.cost(parts, np.abs(np.sin(2 * turns)), buildings)
    best = cost.reshape(len(blocks), -1).argmin(axis=1)
    chosen = candidates.regions[np.arange(len(blocks)), best]
    return _around_buildings(blocks, chosen, buildings)


class _Candidates:
    """Cuts across the directions ``along`` (blocks, turns) at ``_PLACES`` of the block's extent."""

    def __init__(self, blocks: Geometries, rough: Geometries, centre: Floats, along: Floats) -> None:
        count, turns = along.shape
        places = len(_PLACES)
        axis = np.stack([np.cos(along), np.sin(along)], axis=-1)
        coords, owner = shapely.get_coordinates(rough, return_index=True)
        low, high = np.full(along.shape, np.inf), np.full(along.shape, -np.inf)
        reach = ((coords - centre[owner])[:, None, :] * axis[owner]).sum(axis=-1)
        np.minimum.at(low, owner, reach)
        np.maximum.at(high, owner, reach)
        size = (high - low).max(axis=1)[:, None, None, None] * 2 + 10
        offset = low[..., None] + (high - low)[..., None] * _PLACES
        across = np.stack([-axis[..., 1], axis[..., 0]], axis=-1)[:, :, None, :]
        middle = centre[:, None, None, :] + offset[..., None] * axis[:, :, None, :]
        left, right = middle - across * size, middle + across * size
        behind = axis[:, :, None, :] * size
        ring = np.stack([left, right, right - behind, left - behind, left], axis=-2)
        self.shape = (count, turns * places)
        self.regions = shapely.polygons(ring.reshape(-1, 5, 2)).reshape(self.shape)
        lines = shapely.linestrings(np.stack([left, right], axis=-2).reshape(-1, 2, 2))
        self.lines = shapely.intersection(lines.reshape(self.shape), rough[:, None])
        near = shapely.intersection(self.regions, rough[:, None])
        self.area = np.stack([shapely.area(near), shapely.area(rough)[:, None] - shapely.area(near)])
        length = shapely.length(near)
        far = shapely.length(rough)[:, None] - length + 2 * shapely.length(self.lines)
        self.perimeter = np.stack([length, far])
        self.places = places

    def cost(self, parts: Indices, turned: Floats, buildings: Buildings) -> NDArray[np.float64]:
        count = parts[:, None].astype(float)
        cells = self.area[0] / self.area.sum(axis=0) * count
        nearest = np.clip(np.round(cells), 1, count - 1)
        # A cell too large or too small by a quarter costs as much as a cut half a cell longer.
        uneven = np.abs(cells - nearest) / np.minimum(nearest, count - nearest)
        skewed = np.abs(nearest / count - 0.5)
        side = np.sqrt(10_000.0)
        length = shapely.length(self.lines) / side
        met = self._met(buildings) / 12.0
        tilt = np.repeat(turned, self.places, axis=1) * 0.12
        pieces = (shapely.get_num_geometries(self.lines) - 1) * 0.5
        narrow = np.maximum(1 - _narrow_side(self.area, self.perimeter) / _NARROW_M, 0).sum(axis=0)
        result: Floats = length + 2.2 * uneven + 0.8 * skewed + np.minimum(met, 6.0) + tilt + pieces
        result += 3.5 * narrow
        return result

    def _met(self, buildings: Buildings) -> Floats:
        """Metres of each candidate that run through buildings."""
        result = np.zeros(self.lines.size)
        lines = self.lines.ravel()
        if len(buildings.shapes):
            line, building = buildings.tree.query(lines, predicate="intersects")
            through = shapely.length(shapely.intersection(lines[line], buildings.inner[building]))
            np.add.at(result, line, through)
        return result.reshape(self.shape)


def _narrow_side(area: Floats, perimeter: Floats) -> Floats:
    """Short side of the rectangle of this area and outline."""
    half = perimeter / 2
    result: Floats = (half - np.sqrt(np.maximum(half * half - 4 * area, 0))) / 2
    return result


def _building_turn(blocks: Geometries, angle: Floats, buildings: Buildings) -> Floats:
    """How far the buildings of each block are turned from its long side, -45° to 45° in radians."""
    turn = np.zeros(len(blocks))
    if len(buildings.shapes) == 0:
        return turn
    block, building = shapely.STRtree(blocks).query(buildings.inner, predicate="intersects")[::-1]
    if len(block) == 0:
        return turn
    coords, owner = shapely.get_coordinates(buildings.shapes[building], return_index=True)
    step = np.diff(coords, axis=0)
    same = owner[:-1] == owner[1:]
    step, of_block = step[same], block[owner[:-1][same]]
    heading = 4 * (np.arctan2(step[:, 1], step[:, 0]) - angle[of_block])
    length = np.hypot(*step.T)
    cosine = np.bincount(of_block, weights=length * np.cos(heading), minlength=len(blocks))
    sine = np.bincount(of_block, weights=length * np.sin(heading), minlength=len(blocks))
    result: Floats = np.arctan2(sine, cosine) / 4
    return result


def _around_buildings(blocks: Geometries, regions: Geometries, buildings: Buildings) -> Geometries:
    """The regions with every building met by their edge wholly in or wholly out."""
    if len(buildings.shapes) == 0:
        return regions
    edges = shapely.intersection(shapely.boundary(regions), blocks)
    which, building = buildings.tree.query(edges, predicate="intersects")
    small = shapely.area(buildings.shapes[building]) <= WHOLE_BUILDING_M2
    which, building = which[small], building[small]
    inside = shapely.intersection(buildings.shapes[building], blocks[which])
    part = shapely.area(shapely.intersection(inside, regions[which])) / np.maximum(shapely.area(inside), 0.01)
    result = regions.copy()
    for index in np.unique(which).tolist():
        of_block = which == index
        ours = inside[of_block & (part >= 0.5)]
        theirs = inside[of_block & (part < 0.5)]
        if len(theirs):
            result[index] = shapely.difference(result[index], shapely.union_all(theirs))
        if len(ours):
            result[index] = shapely.union(result[index], shapely.union_all(ours))
    return result
