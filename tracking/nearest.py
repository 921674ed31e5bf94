"""Who is near a place and can go there, as the crow flies or by road."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking.road_ways import BY_VEHICLE, ON_FOOT, find_ways, read_lines
from tracking.units import ScopeParameters, UnitKind

QUERIES = load_queries("tracking", "nearest.sql")
MOST_BY_ROAD = 60
DIGITS = 7
"""Decimal places of a way's corners: a centimetre."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Median speed of the ``units`` of a kind that are moving just now."""

    kind: UnitKind
    units: int
    speed_mps: float


@dataclass(frozen=True, slots=True)
class NearUnit:
    unit_id: int
    kind: UnitKind
    name: str
    name_en: str | None
    lon: float
    lat: float
    fix_time: datetime
    distance_m: float
    busy: bool
    """An alert is open about it."""
    road_m: float | None = None
    """By road, where that was asked for and it can be reached."""
    road_s: float | None = None
    """Time that way takes at the pace of its kind; null where fewer than five of it are moving."""
    way: list[tuple[float, float]] | None = None
    """Longitude and latitude along the road, from the unit to the place."""


async def read_paces(conn: AsyncConnection) -> list[Pace]:
    return [Pace(**row) for row in (await conn.execute(QUERIES["paces"])).mappings()]


async def read_nearest(
    conn: AsyncConnection,
    scope: ScopeParameters,
    lon: float,
    lat: float,
    *,
    kind: UnitKind | None,
    busy: bool | None = False,
    limit: int,
) -> list[NearUnit]:
    """Available units by ground distance (m), nearest first; ``busy`` None: both."""
    asked = {**scope, "lon": lon, "lat": lat, "kind": kind, "busy": busy, "max_rows": limit}
    return [NearUnit(**row) for row in (await conn.execute(QUERIES["nearest_units"], asked)).mappings()]


async def read_nearest_by_road(
    conn: AsyncConnection,
    scope: ScopeParameters,
    lon: float,
    lat: float,
    *,
    kind: UnitKind | None,
    busy: bool | None = False,
    limit: int,
    paces: list[Pace],
) -> list[NearUnit]:
    """Of four times as many by ground distance, those that are nearest by road; units that no road leads
    from come last."""
    most = max(limit, min(limit * 4, MOST_BY_ROAD))
    units = await read_nearest(conn, scope, lon, lat, kind=kind, busy=busy, limit=most)
    if not units:
        return []
    places = np.array([(unit.lon, unit.lat) for unit in units])
    lines = await read_lines(conn, np.vstack(((lon, lat), places)))
    if lines is None:
        return units[:limit]
    pace = {one.kind: one.speed_mps for one in paces}
    told = list(units)
    on_foot = np.array([unit.kind == "inspector" for unit in units])
    for how, chosen in ((ON_FOOT, on_foot), (BY_VEHICLE, ~on_foot)):
        ways = await asyncio.to_thread(find_ways, lines, (lon, lat), places[chosen], how)
        for place, metres, way in zip(np.flatnonzero(chosen), ways.metres, ways.lines, strict=True):
            if not np.isnan(metres):
                told[place] = _by_road(told[place], float(metres), way, pace.get(told[place].kind))
    told.sort(key=lambda unit: (unit.road_m is None, unit.road_m or unit.distance_m))
    return told[:limit]


def _by_road(unit: NearUnit, metres: float, way: NDArray[np.float64], speed_mps: float | None) -> NearUnit:
    line = shapely.simplify(shapely.linestrings(way), 10.0**-DIGITS)
    corners = np.round(shapely.get_coordinates(line), DIGITS).tolist()
    return replace(
        unit,
        road_m=round(metres, 1),
        road_s=round(metres / speed_mps, 1) if speed_mps else None,
        way=[(lon, lat) for lon, lat in corners],
    )
