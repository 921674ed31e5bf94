"""The city core in one run: division, transforms, imports and a million components, each beside a peer or a
ceiling of the same run, and each with the limit it is held to.

The division is of an area of a database where both are named, else of the demo city. All that writes has a
PostgreSQL of its own, gone afterwards.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from benchmarks import components as million
from benchmarks import imports, transforms
from benchmarks.components import verdict
from benchmarks.servers import new_servers, scratch_folder
from command_center.demo.city import make_city
from command_center.demo.plan import to_lonlat
from gis_core.database import create_engine
from gis_core.gridding import coverage
from gis_core.gridding.division import GridOptions, divide
from gis_core.gridding.ground import Ground, ground_from_rows
from gis_core.gridding.store import read_ground
from gis_core.gridding.topology import examine
from gis_core.settings import DatabaseSettings

Figures = dict[str, Any]
LIMIT_S = 60.0
"""A district whole, in seconds."""

KEPT = ("gaps", "overlaps", "crossings", "buildings_cut", "share_5000_20000", "coverage_valid")
"""Figures of the topology report."""


def measure(
    *,
    database_url: str | None,
    area_code: str | None,
    rounds: int,
    components: int,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Figures]:
    """Figures by part; ``components`` 0 leaves out what needs a database of its own."""
    say("划分 division …")
    figures = {"division": measure_division(database_url=database_url, area_code=area_code, rounds=rounds)}
    say("坐标转换 transforms …")
    figures["transforms"] = transforms.measure()
    if components:
        with scratch_folder(folder) as place:
            servers = new_servers(place)
            with servers.cluster.running():
                servers.cluster.ensure_database()
                say(f"{components:,} 个部件 components …")
                found = million.measure(database_url=servers.database_url, rows=components)
                figures["components"] = found
                say("导入 import, ogr2ogr …")
                figures["imports"] = imports.measure(database_url=servers.database_url)
    return figures


def measure_division(*, database_url: str | None, area_code: str | None, rounds: int) -> Figures:
    """An area of a database where both are named, else the demo city."""
    if database_url and area_code:
        ground, name = asyncio.run(_ground_of(database_url, area_code)), area_code
    else:
        ground, name = demo_ground(), "demo"
    return {"area": name} | division(ground, rounds)


async def _ground_of(database_url: str, area_code: str) -> Ground:
    engine = create_engine(DatabaseSettings(database_url=database_url), application_name="wanmi bench")
    try:
        async with engine.begin() as conn:
            return await read_ground(conn, area_code)
    finally:
        await engine.dispose()


def demo_ground() -> Ground:
    """Communities, roads, water and buildings of the demo city, straight from its plan."""
    city = make_city(1, components=100)

    def wkb(shapes: Any) -> list[bytes]:
        return list(shapely.to_wkb(np.atleast_1d(to_lonlat(np.asarray(shapes, dtype=object)))))

    on_ground = ~np.asarray(city.roads.elevated)
    kinds = np.asarray(city.roads.kinds)[on_ground].tolist()
    return ground_from_rows(
        list(zip(city.areas.community_codes, wkb(city.areas.communities), strict=True)),
        list(zip(kinds, wkb(city.roads.lines[on_ground]), strict=True)),
        wkb([cover.geom for cover in city.land.covers if cover.kind == "water"]),
        wkb(city.buildings.shapes),
    )


def division(ground: Ground, rounds: int) -> Figures:
    """Best seconds of a whole division, and of noding and polygonizing the borders it found."""
    took, work, bare = [], [], []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        made = divide(ground, GridOptions())
        took.append(time.perf_counter() - began)
        work.append(time.process_time() - cpu)
        borders = shapely.boundary(made.cells)
        began = time.perf_counter()
        faces = coverage.faces(coverage.node(borders))
        bare.append(time.perf_counter() - began)
    codes = list(ground.home_codes)
    found = examine(
        made.cells, [codes[home] for home in made.home.tolist()], ground.homes, codes, ground.buildings
    ).numbers
    return {
        "division_s": min(took),
        "division_cpu_s": min(work),
        "polygonize_s": min(bare),
        "polygonized_faces": len(faces),
        "cells": len(made.cells),
        "km2": made.extent_m2 / 1e6,
        "roads": len(ground.roads),
        "buildings": len(ground.buildings),
        **{key: found[key] for key in KEPT},
    }


def report(figures: dict[str, Figures]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = report_division(figures["division"])
    rows += transforms.report(figures["transforms"])
    if "imports" in figures:
        rows += imports.report(figures["imports"])
        rows += million.report(figures["components"])
    return rows


def report_division(figures: Figures) -> list[tuple[str, ...]]:
    f = figures
    sound = "valid" if f["coverage_valid"] else "NOT VALID"
    return [
        ("区域 area", f"{f['area']}, {f['km2']:.1f} km², {f['roads']:,} roads, {f['buildings']:,} buildings"),
        (
            "划分单元网格 division",
            f"{f['division_s']:.2f} s ({f['division_cpu_s']:.2f} s CPU), {f['cells']:,} cells",
            verdict(f["division_s"], LIMIT_S, "s"),
        ),
        ("仅打断成面 node + polygonize (ceiling)", f"{f['polygonize_s']:.2f} s"),
        ("5,000–20,000 m²", f"{f['share_5000_20000']:.1%}", "≥ 80 %"),
        ("缝隙与重叠 gaps and overlaps", f"{f['gaps']} + {f['overlaps']}, coverage {sound}", "0 + 0"),
        ("被切割的建筑 buildings cut", f"{f['buildings_cut']:,} of {f['buildings']:,}"),
    ]
