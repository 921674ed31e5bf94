"""Who was in a polygon between two moments: exact, and quick over hundreds of millions of fixes.

Settled days are asked by place: the cells that the polygon touches, from the index; whole days in the
middle of a large polygon from what was rolled up. Days not settled yet are read through. Every fix at a
border is tested by ST_Intersects.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import BadInput
from tracking.cell_cover import Cover, Runs, cover
from tracking.units import ScopeParameters, UnitKind

QUERIES = load_queries("tracking", "presence.sql")
MOST_CORNERS = 20_000
MICROSECOND = timedelta(microseconds=1)


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
    west, south, east, north = shape.bounds
    box = {"west": west, "south": south, "east": east, "north": north}
    place = {**box, "shape": shapely.to_wkb(shapely.set_srid(shape, 4326), hex=True, include_srid=True)}
    start, end = from_time.astimezone(UTC), to_time.astimezone(UTC)
    first_day, last_day = start.date(), (end - MICROSECOND).date()
    states = {
        row.day: row
        for row in await conn.execute(QUERIES["day_states"], {"first_day": first_day, "last_day": last_day})
    }
    tally = _Tally({})
    whole: list[date] = []
    for settled, since, until in _spans(start, end, {day for day, row in states.items() if row.settled}):
        if settled:
            whole += await _settled_span(conn, tally, covered, place, since, until)
        else:
            span = {"from_time": since, "to_time": until}
            tally.add((await conn.execute(QUERIES["seen_lately"], {**place, **span})).all())
    if whole and covered.filled:
        found = await conn.execute(QUERIES["seen_on_whole_days"], {"days": whole, "cells": covered.filled})
        tally.add(found.all())
    who = (await conn.execute(QUERIES["visitors"], {**scope, "device_ids": list(tally.seen)})).all()
    units = [Visitor(row.unit_id, row.kind, row.name, row.name_en, *tally.seen[row.unit_id]) for row in who]
    units.sort(key=lambda unit: (unit.first_seen, unit.unit_id))
    dropped = sorted(day for day, row in states.items() if row.dropped)
    return Visitors(units[:limit], len(units) > limit, dropped)


async def _settled_span(
    conn: AsyncConnection,
    tally: _Tally,
    covered: Cover,
    place: dict[str, Any],
    since: datetime,
    until: datetime,
) -> list[date]:
    """Ask the cells; the days that are whole and of which only the rim was asked."""
    await conn.execute(QUERIES["by_index"])
    parts = [(since, until, covered.whole)]
    whole: list[date] = []
    if covered.filled:
        first, last = _midnight_after(since), _midnight_before(until)
        if first < last:
            parts = [(since, first, covered.whole), (first, last, covered.rim), (last, until, covered.whole)]
            whole = [(first + timedelta(days=n)).date() for n in range((last - first).days)]
    for begin, end, runs in parts:
        if begin < end and runs.low:
            tally.add(await _in_cells(conn, runs, place, begin, end))
    await conn.execute(QUERIES["as_ever"])
    return whole


async def _in_cells(
    conn: AsyncConnection, runs: Runs, place: dict[str, Any], since: datetime, until: datetime
) -> Sequence[Sequence[Any]]:
    asked = {"low": runs.low, "high": runs.high, "inside": runs.inside, "from_time": since, "to_time": until}
    return (await conn.execute(QUERIES["seen_in_cells"], {**asked, **place})).all()


def _spans(start: datetime, end: datetime, settled: set[date]) -> list[tuple[bool, datetime, datetime]]:
    """The span in stretches of days that are settled, and that are not."""
    spans: list[tuple[bool, datetime, datetime]] = []
    here = start
    while here < end:
        until = min(end, _midnight_before(here) + timedelta(days=1))
        ready = here.date() in settled
        if spans and spans[-1][0] == ready:
            spans[-1] = (ready, spans[-1][1], until)
        else:
            spans.append((ready, here, until))
        here = until
    return spans


def _midnight_before(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _midnight_after(moment: datetime) -> datetime:
    before = _midnight_before(moment)
    return before if before == moment else before + timedelta(days=1)
