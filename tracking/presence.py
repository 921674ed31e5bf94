"""Who was in a polygon between two moments: exact, and quick over hundreds of millions of fixes.

Asked are the pieces (``tracking.pieces``) in the cells that the polygon touches; for whole settled days in
the middle of a large polygon what was rolled up for its coarse cells. The last minutes, which have no pieces
yet, are read through. Every fix near a border is tested as ST_Intersects does it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import BadInput
from tracking.cell_cover import cover
from tracking.clock import datetime_of, micros_of
from tracking.columns import from_packed, micros
from tracking.pieces import start_of
from tracking.polygon_raster import PolygonRaster
from tracking.units import ScopeParameters, UnitKind

QUERIES = load_queries("tracking", "presence.sql")
MOST_CORNERS = 20_000
MICROSECOND = timedelta(microseconds=1)

Span = tuple[datetime, datetime]

_HEAD = (("device_id", ">i4"), ("fixes", ">i4"))
_POINT = (("fix_time", ">i8"), ("lon", ">f8"), ("lat", ">f8"))


@dataclass(frozen=True, slots=True)
class Visitor:
    """First and last fix in the polygon within the span, and how many there are."""

    unit_id: int
    kind: UnitKind
    name: str
    name_en: str | None
    first_seen: datetime
    last_seen: datetime
    fixes: int


@dataclass(frozen=True, slots=True)
class Visitors:
    """By first fix. ``archived_days``: days (UTC) of the span whose fixes are in the archive only, and
    were not looked at."""

    units: list[Visitor]
    truncated: bool
    archived_days: list[date]


@dataclass(slots=True)
class _Tally:
    seen: dict[int, tuple[datetime, datetime, int]]

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        for device, first, last, fixes in rows:
            known = self.seen.get(device)
            if known:
                first, last, fixes = min(first, known[0]), max(last, known[1]), fixes + known[2]
            self.seen[device] = first, last, fixes


def read_polygon(polygon: dict[str, Any]) -> Any:
    """A GeoJSON Polygon or MultiPolygon in degrees as a geometry. Raises BadInput."""
    try:
        shape = shapely.geometry.shape(polygon)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        shapely.errors.ShapelyError,
    ) as error:
        raise BadInput(
            field="polygon", reason_zh=f"不是有效的 GeoJSON：{error}", reason=str(error)
        ) from error
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty or not shape.is_valid:
        raise BadInput(field="polygon", reason_zh="须为有效的面", reason="must be a valid polygon")
    if shapely.get_num_coordinates(shape) > MOST_CORNERS:
        raise BadInput(field="polygon", reason_zh="顶点过多", reason=f"at most {MOST_CORNERS} corners")
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise BadInput(field="polygon", reason_zh="坐标超出经纬度范围", reason="must be in degrees")
    return shapely.force_2d(shape)


async def read_visitors(
    conn: AsyncConnection,
    scope: ScopeParameters,
    polygon: dict[str, Any],
    from_time: datetime,
    to_time: datetime,
    *,
    limit: int,
) -> Visitors:
    """Units with a fix in a GeoJSON polygon (degrees) in [from_time, to_time). Raises BadInput."""
    shape = read_polygon(polygon)
    covered = cover(shape)
    place = _place(shape)
    start, end = from_time.astimezone(UTC), to_time.astimezone(UTC)
    span = {"first_day": start.date(), "last_day": (end - MICROSECOND).date()}
    states = {row.day: row for row in await conn.execute(QUERIES["day_states"], span)}
    placed, unplaced = _stretches(start, end, states)
    tally = _Tally({})
    await conn.execute(QUERIES["by_index"])
    for since, until in placed:
        whole = set(_whole_days(since, until))
        coarse = [day for day in sorted(whole) if covered.filled and states[day].settled]
        fine = sorted(set(_days(since, until)) - set(coarse))
        span = {"from_time": since, "to_time": until}
        for asked, runs, filled in ((fine, covered.whole, []), (coarse, covered.rim, covered.filled)):
            if asked:
                edges = [day not in whole for day in asked]
                cells = {"days": asked, "edges": edges, "filled": filled, **asdict(runs)}
                rows = (await conn.execute(QUERIES["seen_in_pieces"], {**place, **span, **cells})).all()
                tally.add(row[:4] for row in rows if row.points is None)
                opened = [(row.devices, row.points) for row in rows if row.points is not None]
                if opened:
                    tally.add(await asyncio.to_thread(_open, opened, shape, since, until))
        if coarse:
            cells = {"days": coarse, "cells": covered.filled}
            tally.add((await conn.execute(QUERIES["seen_on_whole_days"], cells)).all())
    await conn.execute(QUERIES["by_time"])
    for since, until in unplaced:
        span = {"from_time": since, "to_time": until}
        tally.add((await conn.execute(QUERIES["seen_lately"], {**place, **span})).all())
    await conn.execute(QUERIES["as_ever"])
    who = (await conn.execute(QUERIES["visitors"], {**scope, "device_ids": list(tally.seen)})).all()
    units = [Visitor(row.unit_id, row.kind, row.name, row.name_en, *tally.seen[row.unit_id]) for row in who]
    units.sort(key=lambda unit: (unit.first_seen, unit.unit_id))
    dropped = sorted(day for day, row in states.items() if row.dropped)
    return Visitors(units[:limit], len(units) > limit, dropped)


def _open(
    pieces: Sequence[tuple[bytes, bytes]], shape: Any, since: datetime, until: datetime
) -> list[tuple[int, datetime, datetime, int]]:
    """First and last fix in the polygon and span and their number, for each device with one in the pieces;
    by the test of ST_Intersects to the last bit (``PolygonRaster``)."""
    heads = from_packed(b"".join(devices for devices, _ in pieces), _HEAD)
    fixes = from_packed(b"".join(points for _, points in pieces), _POINT)
    time_us = micros(fixes["fix_time"])
    during = np.flatnonzero((time_us >= micros_of(since)) & (time_us < micros_of(until)))
    lon, lat = (fixes[name][during].astype(np.float64) for name in ("lon", "lat"))
    found = during[PolygonRaster(np.array([shape], dtype=object)).lowest(lon, lat) >= 0]
    if not len(found):
        return []
    device = np.repeat(heads["device_id"].astype(np.int64), heads["fixes"])[found]
    order = np.argsort(device, kind="stable")
    device, time_us = device[order], time_us[found[order]]
    begins = np.flatnonzero(np.diff(device, prepend=-1))
    return [
        (one, datetime_of(first), datetime_of(last), count)
        for one, first, last, count in zip(
            device[begins].tolist(),
            np.minimum.reduceat(time_us, begins).tolist(),
            np.maximum.reduceat(time_us, begins).tolist(),
            np.diff(begins, append=len(device)).tolist(),
            strict=True,
        )
    ]


def _place(shape: Any) -> dict[str, Any]:
    west, south, east, north = shape.bounds
    wkb = shapely.to_wkb(shapely.set_srid(shape, 4326), hex=True, include_srid=True)
    return {"west": west, "south": south, "east": east, "north": north, "shape": wkb}


def _stretches(start: datetime, end: datetime, states: Mapping[date, Any]) -> tuple[list[Span], list[Span]]:
    """The times of the span that have their pieces, and those that have not."""
    placed, unplaced = list[Span](), list[Span]()
    here = start
    while here < end:
        midnight = start_of(here.date() + timedelta(days=1))
        until = min(end, midnight)
        state = states.get(here.date())
        through = min(until, state.through) if state and state.through else here
        if through > here:
            _append(placed, here, through)
        if through < until:
            _append(unplaced, max(here, through), until)
        here = until
    return placed, unplaced


def _append(spans: list[Span], since: datetime, until: datetime) -> None:
    if spans and spans[-1][1] == since:
        since, _ = spans.pop()
    spans.append((since, until))


def _days(since: datetime, until: datetime) -> list[date]:
    first, last = since.date(), (until - MICROSECOND).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _whole_days(since: datetime, until: datetime) -> list[date]:
    return [
        day
        for day in _days(since, until)
        if since <= start_of(day) and start_of(day + timedelta(days=1)) <= until
    ]
