"""The town plan of the demo city: river, canals, lakes, arterial roads and the characters of its parts.

Coordinates are metres east and north of the city's centre (``ORIGIN``) in EPSG:4549.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from command_center.demo.names import Name, road_name

CITY_CODE, DISTRICT_CODE = "990100", "990102"
CITY, DISTRICT = Name("云泽市", "Yunze City"), Name("望川区", "Wangchuan District")
ORIGIN = (120.0, 30.5)
SOURCE = "demo"

RIVER_HALF_WIDTH_M = 52.0
EMBANKMENT_M = 96.0
"""From the middle of the river to the road on its embankment."""
CANAL_HALF_WIDTH_M = 11.0

ROAD_HALF_WIDTH_M = {
    "motorway": 16.0,
    "trunk": 17.0,
    "primary": 16.0,
    "secondary": 12.5,
    "tertiary": 9.0,
    "residential": 6.0,
    "service": 3.0,
    "footway": 1.5,
}
LANES = {"trunk": 6, "primary": 6, "secondary": 4, "tertiary": 2, "residential": 2, "service": 1}


@dataclass(frozen=True)
class PlanLine:
    """A line of the plan. ``kind`` is a road class, or ``river`` or ``canal``."""

    kind: str
    name: Name
    geom: Any
    elevated: bool = False


@dataclass(frozen=True)
class Quarter:
    """What the streets and houses of a part of the city look like. Lengths in metres.

    ``spacing``: between streets across and along; ``crook``: how far a street strays from straight;
    ``gaps``: share of street pieces left out; ``angle`` in degrees against the axes.
    """

    key: str
    angle: float
    spacing: tuple[float, float]
    crook: float
    gaps: float
    smallest_block_m2: float


QUARTERS = {
    q.key: q
    for q in (
        Quarter("old_town", 5.0, (104.0, 92.0), 9.0, 0.17, 3_200.0),
        Quarter("riverside", -33.0, (150.0, 180.0), 3.0, 0.10, 8_000.0),
        Quarter("centre", -2.0, (180.0, 150.0), 1.0, 0.05, 9_000.0),
        Quarter("residential", 2.0, (215.0, 190.0), 3.0, 0.10, 11_000.0),
        Quarter("north_estate", 7.0, (200.0, 215.0), 3.0, 0.12, 11_000.0),
        Quarter("south_estate", -5.0, (225.0, 200.0), 4.0, 0.10, 11_000.0),
        Quarter("industry", 3.0, (330.0, 280.0), 0.5, 0.16, 20_000.0),
        Quarter("campus", 14.0, (300.0, 260.0), 14.0, 0.2, 15_000.0),
    )
}


SCALE = 1.04
"""From the coordinates below to metres: makes the district about 29 km²."""


class Warp:
    """A smooth bend of the whole plan, so that no street is quite straight. Displacement in metres."""

    def __init__(self, rng: np.random.Generator, amplitude_m: float = 26.0) -> None:
        self._k = rng.normal(size=(5, 2)) * 2 * np.pi / 2_600
        self._phase = rng.uniform(0, 2 * np.pi, size=(5, 2))
        self._amplitude = amplitude_m * rng.uniform(0.4, 1.0, size=(5, 2))

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        angle = points @ self._k.T
        shift = np.stack(
            [
                (self._amplitude[:, axis] * np.sin(angle + self._phase[:, axis])).sum(axis=1)
                for axis in (0, 1)
            ],
            axis=1,
        )
        return np.asarray(points * SCALE + shift)


@dataclass(frozen=True)
class Plan:
    """The arterial skeleton; everything is already warped."""

    lines: Sequence[PlanLine]
    district: Any
    river: Any
    river_axis: Any
    corridor: Any
    """Between the embankment roads."""
    canals: Any
    lakes: Sequence[tuple[Name, Any]]
    bridges: Sequence[Name] = field(default_factory=list)


def smooth(points: Sequence[tuple[float, float]], step_m: float = 25.0) -> NDArray[np.float64]:
    """A centripetal-looking curve through the points (Catmull-Rom), a vertex about each ``step_m``."""
    p = np.asarray(points, dtype=float)
    padded = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        n = max(2, int(np.hypot(*(c - b)) / step_m))
        t = np.linspace(0, 1, n, endpoint=False)[:, None]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.vstack([*pieces, p[-1:]])


_RIVER: list[tuple[float, float]] = [
    (-4300, 1750), (-3500, 1500), (-2700, 1270), (-2000, 960), (-1400, 380), (-850, -120),
    (-250, -400), (350, -390), (950, -120), (1500, 170), (2050, 190), (2600, -110),
    (3200, -520), (4100, -700),
]  # fmt: skip
_CANALS: list[list[tuple[float, float]]] = [
    [(-1010, 20), (-1000, -500), (-1080, -1100), (-980, -1700), (-1060, -2300), (-1020, -3000)],
    [(1010, -80), (1030, 500), (960, 900), (1060, 1400), (1000, 2000), (1080, 2900)],
]

# base, generic, class, crosses the river, ((section, points), ...)
_ROADS: list[tuple[str, str, str, bool, list[tuple[str, list[tuple[float, float]]]]]] = [
    ("云山", "路", "primary", True, [
        ("北", [(-2700, 2950), (-2760, 2350), (-2890, 1300)]),
        ("南", [(-2890, 1300), (-2990, 200), (-2930, -1200), (-2980, -2000), (-2960, -2900)]),
    ]),
    ("东港", "大道", "primary", True, [
        ("", [(2870, 2950), (2930, 2350), (2990, 1000), (3040, 0), (2960, -1000), (2900, -2000),
              (2950, -2800)]),
    ]),
    ("北苑", "大道", "primary", False, [
        ("西", [(-3350, 2290), (-2760, 2340), (-1350, 2440), (0, 2370)]),
        ("东", [(0, 2370), (1350, 2300), (2930, 2380), (3500, 2430)]),
    ]),
    ("南浦", "大道", "primary", False, [
        ("西", [(-3500, -2280), (-2960, -2290), (-1350, -2400), (0, -2330)]),
        ("东", [(0, -2330), (1350, -2380), (2900, -2250), (3500, -2220)]),
    ]),
    ("望川", "路", "primary", True, [
        ("北", [(10, 3000), (-10, 2370), (20, 1650), (0, 980)]),
        ("中", [(0, 980), (20, 300), (-20, -400), (0, -860)]),
        ("南", [(0, -860), (-30, -1500), (0, -2330), (-20, -2950)]),
    ]),
    ("文昌", "路", "primary", True, [
        ("北", [(-690, 2900), (-680, 2400), (-650, 1650), (-640, 980)]),
        ("中", [(-640, 980), (-660, 300), (-650, -850)]),
        ("南", [(-650, -850), (-600, -1500), (-560, -2350), (-580, -2800)]),
    ]),
    ("云泽", "大道", "primary", False, [
        ("西", [(-3600, -900), (-2940, -860), (-1350, -830), (0, -860)]),
        ("东", [(0, -860), (1350, -900), (2960, -820), (3600, -790)]),
    ]),
    ("安澜", "路", "primary", False, [
        ("西", [(-1950, 1010), (-1350, 1030), (-640, 980), (0, 980)]),
        ("东", [(0, 980), (700, 1000), (1350, 1010), (2990, 960), (3500, 930)]),
    ]),
    ("科创", "大道", "primary", False, [
        ("北", [(2150, 2900), (2130, 2350), (2100, 1000), (2080, 100)]),
        ("南", [(2080, 100), (2110, -850), (2150, -1500), (2080, -2320)]),
    ]),
    ("青枫", "路", "secondary", False, [
        ("北", [(720, 2340), (690, 1650), (700, 1000)]),
        ("中", [(700, 1000), (690, 420), (720, -400), (700, -880)]),
        ("南", [(700, -880), (660, -1500), (700, -2350)]),
    ]),
    ("学府", "路", "secondary", False, [
        ("北", [(-2060, 2390), (-2030, 1650), (-2000, 960)]),
        ("南", [(-2000, 960), (-2090, 100), (-2070, -850), (-2140, -1600), (-2100, -2340)]),
    ]),
    ("鼓楼", "街", "secondary", False, [
        ("西", [(-1350, 430), (-640, 470), (0, 430)]),
        ("东", [(0, 430), (700, 450), (1350, 480)]),
    ]),
    ("丰和", "路", "secondary", False, [("", [(1350, 560), (2100, 540), (3010, 500)])]),
    ("澄湖", "路", "secondary", False, [("", [(-2990, 210), (-2090, 150), (-1000, 130)])]),
    ("锦南", "路", "secondary", False, [
        ("西", [(-2100, -1900), (-1350, -1930), (0, -1900)]),
        ("东", [(0, -1900), (1350, -1950), (2920, -1880)]),
    ]),
    ("梧桥", "路", "secondary", False, [("", [(1350, -1420), (2130, -1400), (2930, -1430)])]),
    ("长宁", "路", "secondary", False, [("", [(-2720, 1780), (-2040, 1700), (-1350, 1690)])]),
    ("创业", "大道", "primary", False, [("", [(1340, 1010), (2120, 1640), (2900, 2340)])]),
    ("书院", "路", "secondary", False, [("", [(-1340, -860), (-2090, -1430), (-2960, -2050)])]),
]  # fmt: skip
_RING = (-1350.0, -1480.0, 1350.0, 1660.0)
_LAKES = [
    ("澄湖", (-2480, -360), (290, 235)),
    ("望云湖", (380, -1210), (150, 105)),
    ("鹭池", (-2520, -1290), (95, 70)),
]


def arterial_words() -> list[str]:
    """Words the arterials' names use up."""
    return [base for base, *_ in _ROADS]


def to_lonlat(geoms: Any) -> Any:
    """Plan coordinates to longitude and latitude, rounded to 1e-8 degrees (1 mm)."""
    local = Transformer.from_crs(4549, 4326, always_xy=True)
    east, north = Transformer.from_crs(4326, 4549, always_xy=True).transform(*ORIGIN)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = local.transform(points[:, 0] + east, points[:, 1] + north)
        return np.round(np.stack([lon, lat], axis=1), 8)

    return shapely.transform(geoms, move)


def draw_plan(rng: np.random.Generator) -> Plan:
    """The plan with its warp and the small accidents of the generator."""
    warp = Warp(rng)

    def curve(points: Iterable[tuple[float, float]], stray: float = 0.0) -> Any:
        p = [(float(x), float(y)) for x, y in points]
        inner = [(x + rng.normal(0, stray), y + rng.normal(0, stray)) for x, y in p[1:-1]]
        return shapely.LineString(warp(smooth([p[0], *inner, p[-1]])))

    axis = curve(_RIVER, 25.0)
    corridor = shapely.buffer(axis, EMBANKMENT_M, quad_segs=8)
    inner_corridor = shapely.buffer(axis, EMBANKMENT_M - _OVERSHOOT_M, quad_segs=8)
    lines = [PlanLine("river", Name("望川", "Wangchuan River"), axis)]
    lines += _embankments(axis)
    canals = []
    for word, points in zip(("文澜河", "鼓楼河"), _CANALS, strict=True):
        geom = shapely.difference(curve(points, 12.0), shapely.buffer(axis, RIVER_HALF_WIDTH_M - 2))
        canals.append(geom)
        english = {"文澜河": "Wenlan Canal", "鼓楼河": "Gulou Canal"}[word]
        lines.append(PlanLine("canal", Name(word, english), geom))
    bridges: list[Name] = []
    for base, generic, kind, bridge, sections in _ROADS:
        for number, (section, points) in enumerate(sections):
            name = road_name(base, generic, section)
            geom = _overshoot(curve(points, 9.0), first=number == 0, last=number == len(sections) - 1)
            if not bridge:
                geom = shapely.difference(geom, inner_corridor)
            elif shapely.intersects(geom, axis):
                bridges.append(name)
            lines += [PlanLine(kind, name, part) for part in shapely.get_parts(geom)]
    box = shapely.box(*_RING).buffer(-330).buffer(330, quad_segs=10).exterior
    ring = shapely.LineString(warp(shapely.get_coordinates(shapely.segmentize(box, 25.0))))
    lines.append(PlanLine("trunk", road_name("环城", "高架路"), ring, elevated=True))
    lakes = []
    for word, centre, radii in _LAKES:
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        wave = np.ones(len(angle))
        for k in (2, 3, 4, 5):
            wave += rng.uniform(0.03, 0.13) / k * np.sin(k * angle + rng.uniform(0, 6.3))
        shore = np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]], axis=1) * wave[:, None]
        english = {"澄湖": "Chenghu Lake", "望云湖": "Wangyun Lake", "鹭池": "Egret Pond"}[word]
        lakes.append((Name(word, english), shapely.Polygon(warp(shore + np.asarray(centre)))))
    lines += [
        PlanLine(
            "tertiary", road_name("环湖", "路"), lakes[0][1].buffer(55, quad_segs=6).simplify(2).exterior
        )
    ]
    river = _water(rng, axis)
    canal_water = shapely.buffer(shapely.union_all(canals), CANAL_HALF_WIDTH_M)
    district = _district(lines, warp)
    lines += _river_sections(axis, district)
    return Plan(lines, district, river, axis, corridor, canal_water, lakes, bridges)


_OUTSIDE = [(2650, 2200), (-2700, -2120)]
"""Corners that belong to the neighbouring districts: no rectangle is a district."""


def _district(lines: Sequence[PlanLine], warp: Warp) -> Any:
    arterial = [line.geom for line in lines if line.kind in ("primary", "secondary")]
    found = shapely.get_parts(shapely.polygonize([shapely.union_all(arterial, grid_size=0.01)]))
    outside = shapely.points(warp(np.asarray(_OUTSIDE, dtype=float)))
    foreign = np.any([shapely.contains(found, point) for point in outside], axis=0)
    return shapely.coverage_union_all(found[~foreign])


def _river_sections(axis: Any, district: Any) -> list[PlanLine]:
    """Cross-sections of the river about every 115 m: sides of the unit grids on the water."""
    at = np.arange(20.0, axis.length, 115.0)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(axis, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(axis, at + 2.0)) - middle
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.hypot(*ahead.T)[:, None]
    reach = normal * (EMBANKMENT_M + 6)
    cuts = shapely.linestrings(np.stack([middle - reach, middle + reach], axis=1))
    inside = shapely.contains(district.buffer(-60), cuts)
    return [PlanLine("section", Name("", ""), cut) for cut in cuts[inside]]


_OVERSHOOT_M = 40.0
"""Roads are drawn this far beyond where they end on another one, and cut there by the noding."""


def _overshoot(line: Any, *, first: bool, last: bool) -> Any:
    """The line made longer at its ``first`` and ``last`` end."""
    p = shapely.get_coordinates(line)
    head, tail = p[0] - p[1], p[-1] - p[-2]
    before = [p[0] + head / np.hypot(*head) * _OVERSHOOT_M] if first else []
    after = [p[-1] + tail / np.hypot(*tail) * _OVERSHOOT_M] if last else []
    return shapely.LineString(np.vstack([*before, p, *after]))


def _embankments(axis: Any) -> list[PlanLine]:
    banks = []
    for side, base in ((1, "滨河"), (-1, "沿江")):
        line = shapely.offset_curve(axis, side * EMBANKMENT_M, quad_segs=8)
        west, east = np.array([-4600.0, -3000, 0, 3000]), np.array([0.0, -3000, 4600, 3000])
        for half, box in (("西", west), ("东", east)):
            part = shapely.intersection(line, shapely.box(*box))
            name = road_name(base, "路", half)
            banks += [PlanLine("secondary", name, piece) for piece in shapely.get_parts(part)]
    return banks


def _water(rng: np.random.Generator, axis: Any) -> Any:
    """The river's surface: its half width swells and narrows by a quarter."""
    at = np.arange(0.0, axis.length, 40.0)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(axis, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(axis, at + 2.0)) - middle
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.maximum(np.hypot(*ahead.T), 0.1)[:, None]
    banks = []
    for side in (1, -1):
        phase = rng.uniform(0, 6.3, size=3)
        swell = sum(np.sin(at / length + p) for length, p in zip((90.0, 210.0, 380.0), phase, strict=True))
        banks.append(middle + side * normal * (RIVER_HALF_WIDTH_M + 4.5 * np.asarray(swell))[:, None])
    return shapely.Polygon(np.vstack([banks[0][:-1], banks[1][:-1][::-1]])).buffer(0)
