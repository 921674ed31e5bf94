"""City components 部件 placed where they stand in a city, with 16-digit codes.

Code: district 6 + class 2 + subclass 2 + sequence 6 (GB/T 30428.2-2013). Classes that the national
list in the dictionary lacks are the city's own, numbered down from 99 as local extensions are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from command_center.demo.land import Land
from command_center.demo.plan import DISTRICT_CODE, ROAD_HALF_WIDTH_M
from command_center.demo.planar import Geometries
from command_center.demo.roads import Roads
from command_center.demo.unit_grids import UnitGrids

NATIONAL, LOCAL = "GBT30428.2-2013", "demo-990102"

LOCAL_CLASSES = [
    # code, class, name, English, department
    ("0199", "公用设施", "消火栓", "fire hydrant", "消防"),
    ("0299", "交通设施", "交通信号灯", "traffic light", "交警"),
    ("0298", "交通设施", "交通标志牌", "traffic sign", "交警"),
]

RESPONSIBLE = {
    # department: authority, owner, maintainer
    "供水": ("望川区水务局", "云泽市自来水有限公司", "云泽市自来水有限公司望川营业所"),
    "排水": ("望川区水务局", "望川区排水管理所", "望川区市政养护有限公司"),
    "供电": ("望川区发展和改革委员会", "云泽市供电公司", "云泽市供电公司望川供电所"),
    "照明": ("望川区城市管理局", "望川区路灯管理所", "望川区路灯管理所"),
    "通信": ("望川区数据局", "云泽市通信管线有限公司", "云泽市通信管线有限公司望川维护站"),
    "燃气": ("望川区住房和城乡建设局", "云泽市燃气有限公司", "云泽市燃气有限公司望川分公司"),
    "邮政": ("云泽市邮政管理局", "云泽市邮政望川营业部", "云泽市邮政望川营业部"),
    "园林": ("望川区园林绿化局", "望川区园林绿化局", "望川区园林养护有限公司"),
    "环卫": ("望川区城市管理局", "望川区环境卫生管理所", "望川区环卫作业有限公司"),
    "公交": ("望川区交通运输局", "云泽市公共交通有限公司", "云泽市公共交通有限公司"),
    "公安": ("云泽市公安局望川分局", "云泽市公安局望川分局", "云泽市公安局望川分局科信大队"),
    "交警": ("云泽市公安局望川分局", "望川区交通警察大队", "云泽市交通设施维护有限公司"),
    "市政": ("望川区城市管理局", "望川区市政管理所", "望川区市政养护有限公司"),
    "民政": ("望川区民政局", "望川区民政局", "望川区市政养护有限公司"),
    "体育": ("望川区文化体育局", "望川区文化体育局", "望川区体育设施维护中心"),
    "能源": ("望川区发展和改革委员会", "云泽市新能源有限公司", "云泽市新能源有限公司"),
    "消防": ("望川区消防救援大队", "望川区消防救援大队", "云泽市自来水有限公司望川营业所"),
    "水务": ("望川区水务局", "望川区河道管理所", "望川区河道管理所"),
    "属地街道": ("望川区城市管理局", "属地街道办事处", "属地街道办事处"),
}


@dataclass(frozen=True)
class AlongRoad:
    """A class that stands along roads. ``every_m``: spacing; ``off_m``: from the kerb, + is outwards;
    ``both``: on both sides; ``stray_m``: how far it deviates from even spacing."""

    code: str
    kinds: tuple[str, ...]
    every_m: float
    off_m: float
    both: bool = True
    stray_m: float = 0.0


_WIDE = ("primary", "secondary")
_CITY = ("primary", "secondary", "tertiary")
_ALL = ("primary", "secondary", "tertiary", "residential")
ALONG_ROADS = [
    AlongRoad("0137", ("primary", "secondary"), 38, 1.2),
    AlongRoad("0137", ("tertiary", "residential"), 46, 0.8, both=False),
    AlongRoad("0402", ("primary", "secondary"), 26, 2.0, stray_m=0.6),
    AlongRoad("0402", ("tertiary",), 34, 1.5, stray_m=1.0),
    AlongRoad("0402", ("residential",), 68, 1.2, stray_m=3.0),
    AlongRoad("0102", _ALL, 78, -4.2, both=False, stray_m=4.0),
    AlongRoad("0103", _CITY, 88, -3.0, both=False, stray_m=3.0),
    AlongRoad("0104", _ALL, 74, -0.5, stray_m=2.0),
    AlongRoad("0101", _ALL, 175, -2.0, both=False, stray_m=20.0),
    AlongRoad("0107", _ALL, 165, 1.6, both=False, stray_m=15.0),
    AlongRoad("0105", _CITY, 150, 2.2, both=False, stray_m=12.0),
    AlongRoad("0111", _ALL, 300, -1.5, both=False, stray_m=30.0),
    AlongRoad("0106", _CITY, 190, 0.9, both=False, stray_m=10.0),
    AlongRoad("0305", ("primary", "secondary", "tertiary"), 130, 1.8, stray_m=8.0),
    AlongRoad("0407", ("primary", "secondary"), 310, 3.2, stray_m=30.0),
    AlongRoad("0204", ("primary", "secondary"), 470, 2.4, stray_m=25.0),
    AlongRoad("0127", _CITY, 520, 3.0, both=False, stray_m=60.0),
    AlongRoad("0128", _CITY, 430, 3.4, both=False, stray_m=60.0),
    AlongRoad("0142", _CITY, 1_150, 2.6, both=False, stray_m=200.0),
    AlongRoad("0140", _CITY, 1_500, 3.0, both=False, stray_m=250.0),
    AlongRoad("0145", _CITY, 900, 3.0, both=False, stray_m=150.0),
    AlongRoad("0308", ("tertiary", "residential"), 640, 1.8, both=False, stray_m=80.0),
    AlongRoad("0405", ("primary", "secondary"), 240, 2.6, stray_m=20.0),
    AlongRoad("0306", ("primary", "secondary"), 700, 4.0, both=False, stray_m=90.0),
    AlongRoad("0199", _CITY, 240, 1.4, both=False, stray_m=15.0),
    AlongRoad("0298", _CITY, 330, 1.1, stray_m=25.0),
    AlongRoad("0130", ("residential",), 260, 1.0, both=False, stray_m=10.0),
    AlongRoad("0151", _WIDE, 1_900, 3.5, both=False, stray_m=200.0),
]
IN_GROUNDS = [
    # class, use of the block, one a so many square metres
    ("0407", "park", 2_600.0), ("0139", "park", 3_200.0), ("0409", "park", 9_000.0),
    ("0406", "park", 30_000.0), ("0406", "square", 6_000.0), ("0410", "square", 9_000.0),
    ("0407", "square", 1_400.0), ("0405", "square", 1_200.0), ("0146", "slabs", 14_000.0),
    ("0146", "park", 12_000.0), ("0154", "towers", 9_000.0), ("0154", "offices", 11_000.0),
    ("0118", "slabs", 9_000.0), ("0304", "market", 24_000.0), ("0401", "courtyard", 40_000.0),
    ("0230", "bank", 30_000.0),
]  # fmt: skip
JUNCTION_CLEAR_M = 13.0


@dataclass(frozen=True)
class Components:
    """One entry a component, ordered by class and unit grid."""

    shapes: Geometries
    edition: Sequence[str]
    class_code: Sequence[str]
    codes: Sequence[str]
    cell: NDArray[np.int64]
    state: Sequence[str]


def place_components(
    rng: np.random.Generator, roads: Roads, grids: UnitGrids, land: Land, houses: Geometries, *, count: int
) -> Components:
    """About ``count`` components; if more find a place, single ones are left out at random."""
    found: list[tuple[str, Geometries]] = [
        (rule.code, _along(rng, roads, rule, land)) for rule in ALONG_ROADS
    ]
    found += _at_junctions(roads)
    uses = np.array([land.use[block] for block in grids.block])
    open_ground = shapely.buffer(grids.shapes, -12.0)
    for code, use, per_m2 in IN_GROUNDS:
        found.append((code, _scattered(rng, open_ground[uses == use], per_m2)))
    codes = np.concatenate([np.full(len(shapes), code) for code, shapes in found])
    shapes = np.concatenate([shapes for _, shapes in found])
    free = np.ones(len(shapes), dtype=bool)
    free[shapely.STRtree(houses).query(shapes, predicate="intersects")[0]] = False
    codes, shapes = codes[free], shapes[free]
    point, cell = shapely.STRtree(grids.shapes).query(shapes, predicate="intersects")
    first = np.unique(point, return_index=True)[1]
    point, cell = point[first], cell[first]
    if len(point) > count:
        chosen = np.sort(rng.permutation(len(point))[:count])
        point, cell = point[chosen], cell[chosen]
    order = np.lexsort((point, cell, codes[point]))
    point, cell = point[order], cell[order]
    class_codes = codes[point]
    start = np.searchsorted(class_codes, class_codes, side="left")
    numbers = np.arange(len(point)) - start + 1
    local = {code for code, *_ in LOCAL_CLASSES}
    state = rng.choice(
        ["intact", "broken", "lost", "abandoned"], p=[0.978, 0.016, 0.003, 0.003], size=len(point)
    )
    return Components(
        shapes[point],
        [LOCAL if code in local else NATIONAL for code in class_codes],
        [str(code) for code in class_codes],
        [f"{DISTRICT_CODE}{code}{number:06d}" for code, number in zip(class_codes, numbers, strict=True)],
        cell,
        [str(s) for s in state],
    )


def _along(rng: np.random.Generator, roads: Roads, rule: AlongRoad, land: Land) -> Geometries:
    """Points at even spacing along the whole road, none near a crossing, none in the water."""
    chosen = np.flatnonzero(np.isin(np.array(roads.kinds), rule.kinds) & ~np.array(roads.elevated))
    lines = roads.lines[chosen]
    half = np.array([ROAD_HALF_WIDTH_M[roads.kinds[i]] for i in chosen.tolist()])
    counts = np.maximum(0, ((shapely.length(lines) - 8) / rule.every_m)).astype(np.int64)
    per_line = np.repeat(np.arange(len(lines)), counts)
    position = np.arange(len(per_line)) - np.repeat(np.cumsum(counts) - counts, counts)
    phase = rng.uniform(0.25, 0.75, size=len(lines))
    along = (position + phase[per_line]) * rule.every_m
    every = [(1.0, along)]
    if rule.both:
        every.append((-1.0, along + rule.every_m * 0.5))
    points = []
    for side, at in every:
        at = at + rng.uniform(-rule.stray_m, rule.stray_m, size=len(at))
        line = lines[per_line]
        inside = (at > 4) & (at < shapely.length(line) - 4)
        points.append(_beside(line[inside], at[inside], side * (half[per_line] + rule.off_m)[inside]))
    made = np.concatenate(points)
    return _clear(made, roads, land) if len(made) else made


def _beside(lines: Geometries, at: NDArray[np.float64], offset: NDArray[np.float64]) -> Geometries:
    foot = shapely.get_coordinates(shapely.line_interpolate_point(lines, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(lines, at + 0.5)) - foot
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-6)[:, None]
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    return np.asarray(shapely.points(foot + normal * offset[:, None]))


def _clear(points: Geometries, roads: Roads, land: Land) -> Geometries:
    """Only points outside the water and not on the carriageway of a crossing road."""
    near = shapely.STRtree(_junctions(roads).points).query(
        points, predicate="dwithin", distance=JUNCTION_CLEAR_M
    )[0]
    keep = np.ones(len(points), dtype=bool)
    keep[near] = False
    shapely.prepare(land.water)
    return np.asarray(points[keep & ~shapely.intersects(land.water, points)])


@dataclass(frozen=True)
class _Junctions:
    """Crossings of three or more pieces of street. ``large``: pieces that are tertiary or above;
    ``bearing``: direction of one of them in radians; ``half_width_m``: of the widest."""

    points: Geometries
    large: NDArray[np.int64]
    bearing: NDArray[np.float64]
    half_width_m: NDArray[np.float64]


def _junctions(roads: Roads) -> _Junctions:
    ground = ~np.array(roads.elevated)[roads.edge_road] & (roads.edge_kinds != "service")
    edges, kinds = roads.edges[ground], roads.edge_kinds[ground]
    ends = [shapely.get_coordinates(shapely.get_point(edges, i)) for i in (0, -1)]
    nexts = [shapely.get_coordinates(shapely.get_point(edges, i)) for i in (1, -2)]
    xy, ahead = np.concatenate(ends), np.concatenate(nexts) - np.concatenate(ends)
    large = np.tile(np.isin(kinds, ["primary", "secondary", "tertiary"]), 2)
    half = np.tile([ROAD_HALF_WIDTH_M[str(kind)] for kind in kinds], 2)
    keys, first, inverse = np.unique(np.round(xy, 2), axis=0, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    widest = np.zeros(len(keys))
    np.maximum.at(widest, inverse, half)
    crossing = np.bincount(inverse) >= 3
    return _Junctions(
        np.asarray(shapely.points(keys[crossing])),
        np.bincount(inverse, weights=large).astype(np.int64)[crossing],
        np.arctan2(ahead[first, 1], ahead[first, 0])[crossing],
        widest[crossing],
    )


def _at_junctions(roads: Roads) -> list[tuple[str, Geometries]]:
    """Signals, cameras, name plates and bollards at the corners of crossings, off the carriageway."""
    found = _junctions(roads)
    xy = shapely.get_coordinates(found.points)
    lights = found.large >= 3
    placed = []
    for code, at, number, beyond_m, corner in (
        ("0299", lights, np.minimum(found.large, 4), 1.0, 0),
        ("0150", lights, np.full(len(xy), 1), 3.0, 1),
        ("0212", np.ones(len(xy), dtype=bool), np.full(len(xy), 2), 2.0, 0),
        ("0220", lights, np.full(len(xy), 2), 4.0, 2),
    ):
        which = np.repeat(np.flatnonzero(at), number[at])
        turn = np.arange(len(which)) - np.searchsorted(which, which) + corner
        angle = found.bearing[which] + np.pi / 4 + turn * np.pi / 2
        reach = found.half_width_m[which] * np.sqrt(2) + beyond_m
        shift = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
        placed.append((code, np.asarray(shapely.points(xy[which] + shift))))
    return placed


def _scattered(rng: np.random.Generator, grounds: Geometries, per_m2: float) -> Geometries:
    """Points at random in the grounds, about one a ``per_m2``."""
    number = rng.poisson(shapely.area(grounds) / per_m2)
    which = np.repeat(np.arange(len(grounds)), number * 4)
    if not len(which):
        return np.empty(0, dtype=object)
    box = shapely.bounds(grounds)[which]
    xy = box[:, :2] + rng.uniform(size=(len(which), 2)) * (box[:, 2:] - box[:, :2])
    points = np.asarray(shapely.points(xy))
    inside = np.flatnonzero(shapely.intersects(grounds[which], points))
    rank = np.arange(len(inside)) - np.searchsorted(which[inside], which[inside], side="left")
    return np.asarray(points[inside[rank < number[which[inside]]]])
