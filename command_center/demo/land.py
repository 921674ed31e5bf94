"""What each block is used for, and the water, green and squares between the roads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from command_center.demo.names import Name, NameBag, pinyin
from command_center.demo.plan import CANAL_HALF_WIDTH_M, Plan
from command_center.demo.planar import Geometries
from command_center.demo.roads import Roads
from command_center.demo.streets import Network
from command_center.demo.unit_grids import UnitGrids

USES: dict[str, dict[str, float]] = {
    "old_town": {
        "courtyard": 0.76,
        "shops": 0.12,
        "school": 0.03,
        "park": 0.05,
        "square": 0.02,
        "temple": 0.02,
    },
    "riverside": {"slabs": 0.44, "towers": 0.28, "shops": 0.1, "offices": 0.06, "school": 0.05, "park": 0.07},
    "centre": {
        "offices": 0.36,
        "mall": 0.14,
        "towers": 0.26,
        "slabs": 0.08,
        "school": 0.04,
        "park": 0.08,
        "square": 0.04,
    },
    "residential": {
        "slabs": 0.52,
        "towers": 0.22,
        "school": 0.07,
        "park": 0.07,
        "shops": 0.05,
        "hospital": 0.02,
        "market": 0.05,
    },
    "north_estate": {
        "slabs": 0.6,
        "towers": 0.14,
        "school": 0.07,
        "park": 0.07,
        "shops": 0.05,
        "hospital": 0.02,
        "market": 0.05,
    },
    "south_estate": {
        "slabs": 0.5,
        "towers": 0.25,
        "school": 0.07,
        "park": 0.08,
        "shops": 0.04,
        "hospital": 0.02,
        "market": 0.04,
    },
    "industry": {
        "factory": 0.68,
        "warehouse": 0.14,
        "offices": 0.06,
        "slabs": 0.05,
        "park": 0.04,
        "yard": 0.03,
    },
    "campus": {"campus": 0.78, "park": 0.12, "slabs": 0.1},
}


@dataclass(frozen=True)
class LandCover:
    """``kind``: water, green, square or other, as the table ``land_cover`` has it."""

    kind: str
    name: Name | None
    geom: Any


@dataclass(frozen=True)
class Land:
    """``use`` of each block; what of each unit grid may be built on; the land cover."""

    use: Sequence[str]
    buildable: Geometries
    covers: Sequence[LandCover]
    water: Any


def draw_uses(rng: np.random.Generator, plan: Plan, network: Network) -> list[str]:
    """A use for each block by its quarter's mix; parks surround the lakes."""
    lakes = shapely.union_all([lake for _, lake in plan.lakes])
    lakeside = shapely.intersects(network.blocks, lakes)
    use = []
    for quarter, near, size in zip(network.quarter, lakeside, shapely.area(network.blocks), strict=True):
        mix = USES.get(quarter)
        if mix is None:
            use.append("bank")
        elif near:
            use.append("park")
        else:
            drawn = str(rng.choice(list(mix), p=np.array(list(mix.values())) / sum(mix.values())))
            small = drawn in ("school", "hospital", "mall") and size < 9_000
            use.append("shops" if small or (drawn == "square" and size > 30_000) else drawn)
    return use


def use_land(
    plan: Plan, network: Network, use: Sequence[str], grids: UnitGrids, roads: Roads, names: NameBag
) -> Land:
    """What may be built on, and the land cover."""
    lakes = shapely.union_all([lake for _, lake in plan.lakes])
    water = shapely.union_all([plan.river, plan.canals, lakes])
    paved = roads.surface(0.0)
    tree = shapely.STRtree(roads.surface(5.0))
    solid = np.asarray(shapely.buffer(grids.shapes, -3.5, join_style="mitre"))
    buildable = _minus(solid, tree)
    wet = shapely.STRtree([plan.corridor, plan.canals.buffer(7), lakes.buffer(15)])
    buildable = _minus(buildable, wet)
    covers = [
        LandCover("water", Name("望川", "Wangchuan River"), plan.river),
        *(
            LandCover(
                "water", line.name, shapely.difference(line.geom.buffer(CANAL_HALF_WIDTH_M), plan.river)
            )
            for line in plan.lines
            if line.kind == "canal"
        ),
        *(LandCover("water", name, lake) for name, lake in plan.lakes),
    ]
    covers += _greens(plan, network, use, paved, water, names)
    return Land(use, buildable, covers, water)


def _minus(areas: Geometries, tree: shapely.STRtree) -> Geometries:
    which, other = tree.query(areas, predicate="intersects")
    cut = areas.copy()
    for area in np.unique(which):
        cut[area] = shapely.difference(cut[area], shapely.union_all(tree.geometries[other[which == area]]))
    return cut


def _greens(
    plan: Plan,
    network: Network,
    use: Sequence[str],
    paved: Geometries,
    water: Any,
    names: NameBag,
) -> list[LandCover]:
    """Parks and squares by block, the river banks, canal sides, and belts along the ring road."""
    found: list[LandCover] = []
    tree = shapely.STRtree(paved)
    uses = np.array(use)
    parks = np.flatnonzero(np.isin(uses, ["park", "square", "bank"]))
    shapes = _minus(np.asarray(shapely.buffer(network.blocks[parks], 0)), tree)
    for block, shape in zip(parks.tolist(), shapes, strict=True):
        shape = shapely.difference(shape, water) if shapely.intersects(shape, water) else shape
        if shape.area < 300:
            continue
        name = None
        kind = "square" if uses[block] == "square" else "green"
        if kind == "square":
            word = names.modern()
            name = Name(f"{word}广场", f"{pinyin(word)} Square")
        elif uses[block] == "park" and shape.area > 6_000:
            word = names.modern()
            name = Name(f"{word}公园", f"{pinyin(word)} Park")
        found += [LandCover(kind, name, part) for part in shapely.get_parts(shape) if part.area > 200]
    ring = next(line.geom for line in plan.lines if line.elevated)
    belts = shapely.union_all([ring.buffer(30), plan.canals.buffer(9)])
    belts = shapely.difference(belts, shapely.union_all([*paved, water, plan.corridor]))
    belts = shapely.difference(
        shapely.intersection(belts, plan.district), shapely.union_all(network.blocks[parks])
    )
    found += [LandCover("green", None, part) for part in shapely.get_parts(belts) if part.area > 150]
    return found
