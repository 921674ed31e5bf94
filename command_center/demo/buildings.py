"""Buildings by the use of their block, each inside one unit grid and set back from the roads."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from command_center.demo.land import Land
from command_center.demo.names import Name, NameBag, pinyin
from command_center.demo.unit_grids import UnitGrids


@dataclass(frozen=True)
class Pattern:
    """Houses on a lattice. Metres: ``length`` along the row, ``depth``, gaps to the next, storeys."""

    kind: str
    length: tuple[float, float]
    depth: tuple[float, float]
    gap: tuple[float, float]
    storeys: tuple[int, int]
    storey_m: float = 3.0
    skip: float = 0.0
    shape: str = "box"


PATTERNS = {
    "slabs": Pattern("residential", (44, 64), (12, 14), (9, 21), (6, 18), skip=0.06),
    "towers": Pattern("residential", (24, 30), (19, 24), (24, 34), (18, 33), skip=0.1),
    "courtyard": Pattern("house", (17, 25), (14, 19), (4, 4), (1, 3), 3.3, 0.08, "court"),
    "shops": Pattern("commercial", (26, 46), (15, 20), (7, 14), (2, 5), 4.0, 0.1),
    "offices": Pattern("office", (34, 48), (30, 40), (30, 32), (12, 46), 3.9, 0.12),
    "mall": Pattern("retail", (62, 78), (52, 66), (12, 14), (4, 7), 5.2),
    "school": Pattern("school", (46, 58), (13, 15), (12, 26), (3, 5), 3.8, 0.35, "bar"),
    "hospital": Pattern("hospital", (52, 64), (18, 22), (14, 22), (5, 16), 3.9, 0.1, "bar"),
    "market": Pattern("retail", (50, 66), (34, 42), (14, 18), (1, 3), 6.0, 0.1),
    "factory": Pattern("industrial", (68, 88), (32, 46), (11, 13), (1, 3), 8.0, 0.12),
    "warehouse": Pattern("warehouse", (74, 92), (26, 32), (10, 14), (1, 1), 11.0, 0.05),
    "campus": Pattern("university", (44, 62), (16, 21), (18, 26), (4, 9), 3.9, 0.25, "bar"),
    "temple": Pattern("temple", (22, 30), (15, 19), (10, 12), (1, 2), 5.0, 0.2, "court"),
}
_SMALLEST_M2 = 60.0


@dataclass(frozen=True)
class Buildings:
    """One entry a building; ``cell`` is its unit grid, ``use`` that of its block."""

    shapes: NDArray[Any]
    cell: NDArray[np.int64]
    use: Sequence[str]
    kinds: Sequence[str]
    storeys: NDArray[np.int64]
    height_m: NDArray[np.float64]
    names: Sequence[Name | None]


def raise_buildings(rng: np.random.Generator, grids: UnitGrids, land: Land, names: NameBag) -> Buildings:
    """Fill the buildable part of each cell; a block's houses share orientation and measures."""
    shapes: list[Any] = []
    cells: list[int] = []
    uses: list[str] = []
    storeys: list[int] = []
    blocks: list[int] = []
    measures: dict[int, tuple[float, float, float, float, float, int, int]] = {}
    for cell, ground in enumerate(land.buildable):
        block = int(grids.block[cell])
        use = land.use[block]
        pattern = PATTERNS.get(use)
        if pattern is None or ground.area < 250:
            continue
        if block not in measures:
            low, high = pattern.storeys
            measures[block] = (
                rng.uniform(*pattern.length),
                rng.uniform(*pattern.depth),
                *(g * rng.uniform(0.9, 1.2) for g in pattern.gap),
                _angle(grids.shapes[cell]),
                *(lambda a, b: (min(a, b), max(a, b)))(*rng.integers(low, high + 1, size=2).tolist()),
            )
        made = _lattice(rng, ground, pattern, measures[block][:5])
        shapes += made
        cells += [cell] * len(made)
        blocks += [block] * len(made)
        uses += [use] * len(made)
        low, high = measures[block][5:]
        storeys += rng.integers(low, high + 1, size=len(made)).tolist()
    size = np.array(storeys)
    height = size * np.array([PATTERNS[use].storey_m for use in uses]) + rng.uniform(0.4, 2.5, size=len(size))
    kinds = [PATTERNS[use].kind for use in uses]
    named = _names(rng, np.array(shapes, dtype=object), blocks, uses, names)
    return Buildings(
        np.array(shapes, dtype=object),
        np.array(cells, dtype=np.int64),
        uses,
        kinds,
        size,
        np.round(height, 1),
        named,
    )


def _angle(cell: Any) -> float:
    """Direction of the rows: the cell's side that lies closest to east-west, in radians."""
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(cell))[:3]
    angles = [float(np.arctan2(*(b - a)[::-1])) for a, b in itertools.pairwise(corners)]
    return min((((a + np.pi / 2) % np.pi) - np.pi / 2 for a in angles), key=abs)


def _lattice(rng: np.random.Generator, ground: Any, pattern: Pattern, measures: Sequence[float]) -> list[Any]:
    length, depth, gap_x, gap_y, angle = measures
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    outline = shapely.get_coordinates(ground) @ turn.T
    low, high = outline.min(axis=0), outline.max(axis=0)
    span = high - low
    nx, ny = (
        max(1, int((s + g) / (m + g))) for s, m, g in zip(span, (length, depth), (gap_x, gap_y), strict=True)
    )
    spare = span - np.array([nx * length + (nx - 1) * gap_x, ny * depth + (ny - 1) * gap_y])
    if spare[0] < 0:
        length, spare[0] = length + spare[0], 0.0
    if spare[1] < 0:
        depth, spare[1] = depth + spare[1], 0.0
    x, y = np.meshgrid(np.arange(nx) * (length + gap_x), np.arange(ny) * (depth + gap_y))
    base = np.stack([x.ravel(), y.ravel()], axis=1) + low + spare / 2
    base = base[rng.uniform(size=len(base)) >= pattern.skip]
    made: list[Any] = []
    for corner in base:
        own = np.array([length, depth])
        if pattern.shape == "court":
            own = own * rng.uniform(0.78, 1.0, size=2)
        made.append(_house(rng, pattern, corner, own, turn))
    fits = shapely.contains(ground, made) if made else np.array([], dtype=bool)
    kept = [shape for shape, fit in zip(made, fits, strict=True) if fit]
    for shape, fit in zip(made, fits, strict=True):
        if not fit:
            part = shapely.intersection(shape, ground)
            box = _whole(part)
            if box is not None and part.area > 0.55 * shape.area:
                kept.append(box)
    return kept


def _whole(part: Any) -> Any | None:
    """A cut house as it would have been built: one simple piece of a useful width."""
    if part.geom_type != "Polygon" or part.area < _SMALLEST_M2:
        return None
    neat = shapely.simplify(part, 1.5)
    return neat if neat.geom_type == "Polygon" and neat.within(part.buffer(0.6)) and neat.is_valid else None


def _house(
    rng: np.random.Generator,
    pattern: Pattern,
    corner: NDArray[np.float64],
    size: NDArray[np.float64],
    turn: NDArray[np.float64],
) -> Any:
    (x, y), (w, d) = corner, size
    shell = [(x, y), (x + w, y), (x + w, y + d), (x, y + d)]
    holes: list[NDArray[np.float64]] = []
    choice = rng.uniform()
    if pattern.shape == "court" and choice < 0.45:
        yard = np.array(
            [(x + w * a, y + d * b) for a, b in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.65), (0.3, 0.65))]
        )
        holes = [yard @ turn]
    elif pattern.shape == "court" and choice < 0.8:
        shell = [
            (x, y),
            (x + w, y),
            (x + w, y + d),
            (x + w * 0.62, y + d),
            (x + w * 0.62, y + d * 0.45),
            (x, y + d * 0.45),
        ]
    elif pattern.shape == "bar" and choice < 0.4:
        wing = max(9.0, w * 0.22)
        shell = [
            (x, y),
            (x + w, y),
            (x + w, y + d),
            (x + wing, y + d),
            (x + wing, y + d * 1.9),
            (x, y + d * 1.9),
        ]
    return shapely.Polygon(np.array(shell) @ turn, holes)


_LABELS = {
    "offices": [("大厦", "Tower"), ("中心", "Center"), ("国际广场", "International Plaza")],
    "mall": [("购物中心", "Mall"), ("百货", "Department Store"), ("天地", "Place")],
    "hospital": [("医院", "Hospital")],
    "market": [("农贸市场", "Farmers' Market")],
    "factory": [("制造有限公司", "Manufacturing Works"), ("科技园", "Technology Park")],
    "temple": [("寺", "Temple"), ("书院", "Academy")],
    "school": [("小学", "Primary School"), ("中学", "Middle School"), ("幼儿园", "Kindergarten")],
}


def _names(
    rng: np.random.Generator,
    shapes: NDArray[Any],
    blocks: Sequence[int],
    uses: Sequence[str],
    names: NameBag,
) -> list[Name | None]:
    """Names for the largest building of a block, and for each office tower."""
    size = shapely.area(shapes)
    largest: dict[int, int] = {}
    for index, block in enumerate(blocks):
        if block not in largest or size[index] > size[largest[block]]:
            largest[block] = index
    found: list[Name | None] = [None] * len(shapes)
    for index, (block, use) in enumerate(zip(blocks, uses, strict=True)):
        labels = _LABELS.get(use)
        if labels and (largest[block] == index or (use == "offices" and rng.uniform() < 0.25)):
            zh, en = labels[int(rng.integers(len(labels)))]
            word = names.modern()
            found[index] = Name(word + zh, f"{pinyin(word)} {en}")
    return found
