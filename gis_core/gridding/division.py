"""Division of an area into unit grids of about 10,000 m².

In this order, all on one coverage: homes (communities) → land and water → blocks between streets → blocks
between lanes where a block is too large → too small ones joined → too large ones cut straight → again.
Every step keeps the borders of the one before, so a cell lies inside one home and nothing is left over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gis_core.gridding import blocks as streets
from gis_core.gridding import coverage
from gis_core.gridding.coverage import Floats, Geometries, Indices
from gis_core.gridding.cutting import WHOLE_BUILDING_M2, Buildings, cut_large
from gis_core.gridding.ground import MAIN_RANK, STREET_RANK, Ground
from gis_core.gridding.merging import merge_small

Progress = Callable[[str, float], None]
"""Called with the key of a step and the share done, 0 to 1."""

_CHANNEL_M = 14.0
"""Narrower water is a line between cells, wider water has cells of its own."""
_POND_M2 = 4_000.0
_GAP_M2 = 2_000.0
_LANE_HALF_M, _LANE_NARROWEST_M = 3.0, 6.0
_BORDER_EASE = {1: 0.01, 2: 0.06, 3: 0.3, 4: 0.6, 5: 0.85, 6: 0.9}
_ON_ROAD_M = 14.0
_ROUNDS = 3


class GridOptions(BaseModel):
    """How an area is divided; ``smallest_m2`` and ``largest_m2`` are aims, the home's border is a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_m2: float = Field(default=10_500.0, ge=1_000, le=100_000)
    smallest_m2: float = Field(default=5_600.0, ge=500)
    largest_m2: float = Field(default=16_800.0, ge=1_500)
    edition: Annotated[int, Field(ge=14, le=15)] = 15
    """Digits of a code: 14 (CJ/T 213-2005, 99 cells a community) or 15 (GB/T 30428.1, 999)."""
    community_part: Annotated[str, StringConstraints(pattern=r"^\d{3}$")] = "000"
    """Stands for the community in codes where a street has no community polygons."""


class AreaFault(NamedTuple):
    """A gap or overlap between the areas themselves, and to which home it was given."""

    kind: str
    area_m2: float
    shape: shapely.Geometry


@dataclass(frozen=True)
class Division:
    """Cells in metres; ``home`` indexes the codes of the ground's homes."""

    cells: Geometries
    home: Indices
    wet: Indices
    """1 for cells on water."""
    faults: Sequence[AreaFault]
    extent_m2: float
    """Area that was to be divided."""


def divide(ground: Ground, options: GridOptions, progress: Progress = lambda step, share: None) -> Division:
    """Divide every home of the ground."""
    progress("areas", 0.02)
    homes, home, faults = settle_homes(ground.homes)
    extent = float(shapely.area(homes).sum())
    zones, home, wet = _with_water(homes, home, ground.water)
    progress("blocks", 0.08)
    dry_roads = _on_land(ground, STREET_RANK)
    space = streets.street_space(dry_roads)
    cells, zone = streets.block_faces(zones, space)
    home, wet = home[zone], wet[zone]
    progress("lanes", 0.25)
    cells, home, wet = _along_lanes(cells, home, wet, ground, options)
    buildings = Buildings.of(ground.buildings)
    for turn in range(_ROUNDS):
        share = 0.35 + 0.2 * turn
        progress("merge", share)
        cells, home, wet = _merged(cells, home, wet, ground, options)
        progress("cut", share + 0.05)
        large = _too_large(cells, options)
        if not large.any():
            break
        pieces, source = cut_large(
            cells[large], buildings, target_m2=options.target_m2, largest_m2=options.largest_m2
        )
        shapes = np.concatenate([cells[~large], pieces])
        home = np.concatenate([home[~large], home[large][source]])
        wet = np.concatenate([wet[~large], wet[large][source]])
        cells, home, wet = _settled(shapes, home, wet)
    progress("buildings", 0.9)
    cells, home, wet = _buildings_whole(cells, home, wet, buildings)
    cells, home, wet = _merged(cells, home, wet, ground, options)
    progress("done", 1.0)
    return Division(cells, home, wet, faults, extent)


def settle_homes(shapes: Geometries) -> tuple[Geometries, Indices, list[AreaFault]]:
    """The homes as one coverage of faces; where they overlap or leave narrow gaps, one of them gets it.

    An overlap goes to the first home, a gap of up to 2,000 m² or 4 m width to the neighbour with the
    longest border; larger holes are not part of what is divided.
    """
    found, home = coverage.refaced(shapes)
    inside = shapely.point_on_surface(found)
    which, _ = shapely.STRtree(shapes).query(inside, predicate="within")
    held = np.bincount(which, minlength=len(found))
    faults = [AreaFault("area_overlap", face.area, face) for face in found[held > 1]]
    small = (shapely.area(found) <= _GAP_M2) | (coverage.widths(found) < 4.0)
    gaps = (held == 0) & small
    if gaps.any():
        edges = coverage.shared_edges(found)
        pairs, length = coverage.neighbours(edges)
        for gap in np.flatnonzero(gaps).tolist():
            beside = np.flatnonzero((pairs == gap).any(axis=1))
            other = pairs[beside].sum(axis=1) - gap
            near = held[other] > 0
            if near.any():
                home[gap] = home[other[near][np.argmax(length[beside][near])]]
                faults.append(AreaFault("area_gap", found[gap].area, found[gap]))
    keep = home >= 0
    return found[keep], home[keep], faults


def _with_water(homes: Geometries, home: Indices, water: Geometries) -> tuple[Geometries, Indices, Indices]:
    """Homes cut along the shores of wide water."""
    merged = coverage.dissolve(homes, coverage.renumbered(home))
    codes = np.unique(home)
    merged, index = shapely.get_parts(merged, return_index=True)
    home = codes[index]
    wide = shapely.buffer(shapely.buffer(water, -_CHANNEL_M / 2), _CHANNEL_M / 2)
    wide = shapely.simplify(shapely.get_parts(wide), 0.5)
    wide = wide[shapely.area(wide) >= _POND_M2]
    if len(wide) == 0:
        return merged, home, np.zeros(len(merged), dtype=np.int64)
    found, zone = coverage.refaced(merged, shapely.boundary(wide))
    found, zone = found[zone >= 0], zone[zone >= 0]
    wet = (coverage.holder(found, wide) >= 0).astype(np.int64)
    return found, home[zone], wet


def _on_land(ground: Ground, lowest_rank: int, highest_rank: int = 1) -> Geometries:
    """Roads of these ranks without their bridges, and narrow water as another kind of road."""
    chosen = (ground.road_rank <= lowest_rank) & (ground.road_rank >= highest_rank)
    roads = ground.roads[chosen]
    if len(ground.water):
        wide = shapely.union_all(shapely.buffer(ground.water, -_CHANNEL_M / 2))
        roads = shapely.difference(roads, shapely.buffer(wide, _CHANNEL_M / 2))
        channels = ground.water[coverage.widths(ground.water) < _CHANNEL_M]
        roads = np.concatenate([roads, shapely.boundary(channels)])
    left: Geometries = roads[~shapely.is_empty(roads)]
    return left


def _too_large(cells: Geometries, options: GridOptions) -> NDArray[np.bool_]:
    return np.asarray(shapely.area(cells) > options.largest_m2)


def _along_lanes(
    cells: Geometries, home: Indices, wet: Indices, ground: Ground, options: GridOptions
) -> tuple[Geometries, Indices, Indices]:
    """Blocks that are too large are divided along service roads and footways that lead through them."""
    large = _too_large(cells, options) & (wet == 0)
    lanes = _on_land(ground, 6, STREET_RANK + 1)
    if not large.any() or len(lanes) == 0:
        return cells, home, wet
    parts, source = streets.block_faces(
        cells[large], streets.street_space(lanes, _LANE_HALF_M), _LANE_NARROWEST_M, 1_500.0
    )
    shapes = np.concatenate([cells[~large], parts])
    home = np.concatenate([home[~large], home[large][source]])
    wet = np.concatenate([wet[~large], wet[large][source]])
    return _settled(shapes, home, wet)


def _settled(shapes: Geometries, home: Indices, wet: Indices) -> tuple[Geometries, Indices, Indices]:
    """The shapes as one coverage again: noded together, faces joined per shape, each in one part."""
    found, shape = coverage.refaced(shapes)
    keep = shape >= 0
    found, shape = found[keep], shape[keep]
    return found, home[shape], wet[shape]


def _merged(
    cells: Geometries, home: Indices, wet: Indices, ground: Ground, options: GridOptions
) -> tuple[Geometries, Indices, Indices]:
    edges = coverage.shared_edges(cells)
    same = home[edges.pair[:, 0]] == home[edges.pair[:, 1]]
    edges = coverage.SharedEdges(edges.pair[same], edges.length_m[same], edges.middle[same])
    ease = border_ease(edges.middle, ground)
    ease *= np.where(wet[edges.pair[:, 0]] == wet[edges.pair[:, 1]], 1.0, 0.03)
    pairs, length = coverage.neighbours(edges)
    _, eased = coverage.neighbours(edges, ease)
    group = merge_small(
        shapely.area(cells), shapely.length(cells), pairs, length, eased / np.maximum(length, 1e-9),
        smallest=options.smallest_m2, largest=options.largest_m2,
    )  # fmt: skip
    by_size = np.argsort(-shapely.area(cells), kind="stable")
    first = by_size[np.unique(group[by_size], return_index=True)[1]]
    return coverage.dissolve(cells, group), home[first], wet[first]


def border_ease(middle: Floats, ground: Ground) -> Floats:
    """How easily a border at these points may be given up: hardly on a main road, freely on none."""
    ease = np.ones(len(middle))
    if len(ground.roads) == 0:
        return ease
    tree = shapely.STRtree(ground.roads)
    point, road = tree.query(shapely.points(middle), predicate="dwithin", distance=_ON_ROAD_M)
    of_rank = np.array([1.0, *(_BORDER_EASE[rank] for rank in range(1, 7))])
    np.minimum.at(ease, point, of_rank[ground.road_rank[road]])
    return ease


def _buildings_whole(
    cells: Geometries, home: Indices, wet: Indices, buildings: Buildings
) -> tuple[Geometries, Indices, Indices]:
    """Buildings that a border still runs through go wholly to the cell of their home with the most of it."""
    cut, owner = cut_buildings(cells, buildings)
    if len(cut) == 0:
        return cells, home, wet
    shapes = buildings.shapes[cut]
    fits = (shapely.area(shapes) <= WHOLE_BUILDING_M2) & (_homes_met(shapes, cells, home) == 1)
    shapes, owner = shapes[fits], owner[fits]
    found, cell = coverage.refaced(cells, shapely.boundary(shapes))
    found, cell = found[cell >= 0], cell[cell >= 0]
    building = coverage.holder(found, shapes)
    group = np.where(building >= 0, owner[building], cell) if len(shapes) else cell
    moved = coverage.dissolve(found, coverage.renumbered(group))
    kept = np.unique(group)
    parts, index = shapely.get_parts(moved, return_index=True)
    return parts, home[kept[index]], wet[kept[index]]


def cut_buildings(cells: Geometries, buildings: Buildings) -> tuple[Indices, Indices]:
    """Buildings that more than one cell holds a part of (2 % or more), and the cell with the most."""
    if len(buildings.shapes) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    building, cell = shapely.STRtree(cells).query(buildings.inner, predicate="intersects")
    several = np.bincount(building, minlength=len(buildings.shapes))[building] > 1
    building, cell = building[several], cell[several]
    part = shapely.area(shapely.intersection(buildings.inner[building], cells[cell]))
    counts = part >= np.maximum(0.02 * shapely.area(buildings.inner[building]), 1.0)
    building, cell, part = building[counts], cell[counts], part[counts]
    order = np.lexsort((-part, building))
    found, first, count = np.unique(building[order], return_index=True, return_counts=True)
    return found[count > 1], cell[order][first][count > 1]


def _homes_met(shapes: Geometries, cells: Geometries, home: Indices) -> Indices:
    which, cell = shapely.STRtree(cells).query(shapes, predicate="intersects")
    pairs = np.unique(np.column_stack([which, home[cell]]), axis=0)
    return np.bincount(pairs[:, 0], minlength=len(shapes)).astype(np.int64)


__all__ = ["MAIN_RANK", "AreaFault", "Division", "GridOptions", "Progress", "cut_buildings", "divide"]
