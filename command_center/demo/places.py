"""Facilities (schools, clinics, stations…) and zones with rules of their own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from command_center.demo.areas import STREETS, Areas
from command_center.demo.buildings import Buildings
from command_center.demo.land import Land
from command_center.demo.names import Name, NameBag, pinyin
from command_center.demo.plan import DISTRICT_CODE, Plan
from command_center.demo.roads import Roads
from command_center.demo.streets import Network
from command_center.demo.unit_grids import UnitGrids


@dataclass(frozen=True)
class Place:
    """A facility; ``kind`` in OSM's words; ``geom`` a point."""

    kind: str
    name: Name
    geom: Any


@dataclass(frozen=True)
class ZoneArea:
    """A zone as the table ``zone`` has it."""

    code: str
    kind: str
    name: Name
    rule: dict[str, Any]
    geom: Any


_PER_COMMUNITY = [
    ("community_centre", "社区居委会", "Neighbourhood Committee"),
    ("clinic", "社区卫生服务站", "Community Clinic"),
    ("kindergarten", "幼儿园", "Kindergarten"),
    ("social_facility", "社区养老服务中心", "Care Centre"),
]
_SCATTERED = [
    # kind, label, English, one a so many cells
    ("toilets", "公共厕所", "Public Toilet", 26),
    ("bank", "银行网点", "Bank", 60),
    ("pharmacy", "药店", "Pharmacy", 48),
    ("supermarket", "超市", "Supermarket", 55),
    ("post_office", "邮政所", "Post Office", 190),
    ("fuel", "加油站", "Filling Station", 240),
    ("parking", "停车场", "Car Park", 70),
    ("waste_transfer_station", "垃圾中转站", "Refuse Transfer Station", 170),
]


def found_facilities(
    rng: np.random.Generator,
    plan: Plan,
    network: Network,
    roads: Roads,
    grids: UnitGrids,
    areas: Areas,
    land: Land,
    buildings: Buildings,
    names: NameBag,
) -> list[Place]:
    """Facilities where people would look for them, named after their community or street."""
    places: list[Place] = []
    ground = shapely.point_on_surface(
        np.where(shapely.is_empty(land.buildable), shapely.point_on_surface(grids.shapes), land.buildable)
    )
    dry = np.array([q != "water" for q in network.quarter])[grids.block]
    for number, name in enumerate(areas.community_names):
        cells = rng.permutation(np.flatnonzero((grids.community == number) & dry))
        word = name.zh.removesuffix("社区")
        for cell, (kind, label, english) in zip(cells, _PER_COMMUNITY, strict=False):
            places.append(Place(kind, Name(word + label, f"{pinyin(word)} {english}"), ground[cell]))
    for number, (zh, english, _) in enumerate(STREETS):
        cells = rng.permutation(np.flatnonzero((areas.street[grids.community] == number) & dry))
        for cell, (kind, label, label_en) in zip(
            cells,
            (
                ("townhall", "街道办事处", "Street Office"),
                ("police", "派出所", "Police Station"),
                ("police", "警务站", "Police Box"),
                ("hospital", "街道社区卫生服务中心", "Health Centre"),
                ("fire_station", "消防救援站", "Fire Station"),
                ("library", "图书馆", "Library"),
            ),
            strict=False,
        ):
            word = zh.removesuffix("街道")
            places.append(Place(kind, Name(word + label, f"{english.split()[0]} {label_en}"), ground[cell]))
    for kind, label, label_en, every in _SCATTERED:
        for cell in rng.permutation(np.flatnonzero(dry))[: len(grids.shapes) // every]:
            base = areas.community_names[grids.community[cell]].zh.removesuffix("社区")
            places.append(Place(kind, Name(base + label, f"{pinyin(base)} {label_en}"), ground[cell]))
    kinds = {"school": "school", "hospital": "hospital", "market": "marketplace", "mall": "mall"}
    for shape, use, building_name in zip(buildings.shapes, buildings.use, buildings.names, strict=True):
        if use in kinds and building_name:
            places.append(Place(kinds[use], building_name, shapely.point_on_surface(shape)))
    return places + _stations(roads, plan, names)


def _stations(roads: Roads, plan: Plan, names: NameBag) -> list[Place]:
    """Two metro lines, under 望川路 and 云泽大道, a station about every 900 m."""
    found: list[Place] = []
    for base in ("望川", "云泽"):
        line = shapely.line_merge(
            shapely.union_all(
                [p.geom for p in plan.lines if p.kind == "primary" and p.name.zh.startswith(base)]
            )
        )
        line = shapely.intersection(line, plan.district)
        at = np.arange(350.0, line.length, 900.0)
        for point in shapely.line_interpolate_point(line, at):
            word = names.modern()
            found.append(Place("station", Name(f"{word}地铁站", f"{pinyin(word)} Metro Station"), point))
    return found


def draw_zones(
    rng: np.random.Generator, plan: Plan, network: Network, areas: Areas, land: Land
) -> list[ZoneArea]:
    """Timing areas that tile the district, no-report zones, and fences."""
    ring = shapely.Polygon(next(line.geom for line in plan.lines if line.elevated).coords)
    district = areas.district
    core = shapely.intersection(ring, district)
    general = shapely.difference(shapely.intersection(ring.buffer(850, quad_segs=4), district), ring)
    outer = shapely.difference(shapely.difference(district, ring), general)
    core, general, outer = (shapely.set_precision(shape, 0.01) for shape in (core, general, outer))
    zones = [
        ZoneArea(f"{DISTRICT_CODE}-T{i}", "timing_area", name, {"timing": key}, shape)
        for i, (key, name, shape) in enumerate(
            (
                ("core", Name("核心区", "Core area"), core),
                ("general", Name("一般区", "General area"), general),
                ("outer", Name("外围区", "Outer area"), outer),
            ),
            1,
        )
    ]
    blocks = network.blocks
    yard = np.flatnonzero(np.isin(network.quarter, ["industry", "campus"]) & (shapely.area(blocks) > 25_000))
    for number, (block, name) in enumerate(
        zip(
            rng.permutation(yard)[:3],
            (
                Name("在建工地封闭区", "Closed building site"),
                Name("学校自管区", "University's own grounds"),
                Name("铁路货场自管区", "Freight yard"),
            ),
            strict=False,
        ),
        1,
    ):
        zones.append(
            ZoneArea(
                f"{DISTRICT_CODE}-N{number}",
                "no_report",
                name,
                {},
                blocks[block].buffer(-9, quad_segs=2),
            )
        )
    old = (
        shapely.union_all(blocks[[q == "old_town" for q in network.quarter]])
        .buffer(20, quad_segs=2)
        .buffer(-20, quad_segs=2)
    )
    zones += [
        ZoneArea(
            f"{DISTRICT_CODE}-F1", "fence", Name("老城渣土车禁行区", "Old town, no slag trucks"),
            {"keep": "outside", "kinds": ["slag_truck"]}, shapely.intersection(old, district),
        ),
        ZoneArea(
            f"{DISTRICT_CODE}-F2", "fence", Name("环湖限速区", "Lakeside speed limit"),
            {"max_kmh": 30}, plan.lakes[0][1].buffer(70, quad_segs=6),
        ),
    ]  # fmt: skip
    return zones
