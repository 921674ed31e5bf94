"""A unit's weeks or year at a glance: a line and a length a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking import stops
from tracking.quality.track import make_track
from tracking.settling import day_line
from tracking.tracks import CIVIL_TIME

QUERIES = load_queries("tracking", "overview.sql")
MOST_RAW_DAYS = 3
"""Days read through in one answer, the newest; the worker rolls up within minutes what is missing."""


@dataclass(frozen=True, slots=True)
class WayOfDay:
    """A day by the calendar in China. ``line``: longitude and latitude, within 20 m of the fixes."""

    day: date
    first_time: datetime
    last_time: datetime
    fixes: int
    mileage_m: float
    mileage_error_m: float
    line: list[list[float]]


async def read_overview(conn: AsyncConnection, unit_id: int, from_day: date, to_day: date) -> list[WayOfDay]:
    """Days with fixes from ``from_day`` (inclusive) to ``to_day`` (exclusive). Days kept in the archive
    only are told as they were rolled up."""
    span = {"unit_id": unit_id, "from_day": from_day, "to_day": to_day}
    late = set((await conn.execute(QUERIES["late_days"], span)).scalars())
    stale = late | {day + timedelta(days=1) for day in late}
    rolled = set((await conn.execute(QUERIES["rolled_days"], span)).scalars())
    found: dict[date, WayOfDay] = {}
    for row in await conn.execute(QUERIES["way_days"], span):
        line = shapely.get_coordinates(shapely.from_wkb(bytes(row.line))).tolist() if row.line else []
        found[row.day] = WayOfDay(
            row.day, row.first_time, row.last_time, row.fixes, row.mileage_m, row.mileage_error_m, line
        )
    days = [to_day - timedelta(days=n) for n in range(1, (to_day - from_day).days + 1)]
    oldest = datetime.now(CIVIL_TIME).date() - timedelta(days=3)
    raw = [day for day in days if day in stale or (day not in rolled and day >= oldest)]
    for day in raw[:MOST_RAW_DAYS]:
        way = await _read_through(conn, unit_id, day)
        if way:
            found[day] = way
    return [found[day] for day in sorted(found)]


async def _read_through(conn: AsyncConnection, unit_id: int, day: date) -> WayOfDay | None:
    start = datetime.combine(day, time(), CIVIL_TIME)
    span = {"unit_id": unit_id, "from_time": start, "to_time": start + timedelta(days=1)}
    rows = np.array([tuple(row) for row in await conn.execute(QUERIES["raw_days"], span)], dtype=np.float64)
    if not len(rows):
        return None
    seconds, lon, lat = rows.T.copy()
    track = make_track(np.arange(len(rows)), (seconds * 1e6).astype(np.int64), lon, lat)
    metres, error = stops.mileage(track, stops.StopSettings())
    line = day_line(lon, lat)
    return WayOfDay(
        day,
        datetime.fromtimestamp(float(seconds[0]), UTC),
        datetime.fromtimestamp(float(seconds[-1]), UTC),
        len(rows),
        round(metres, 1),
        round(error, 1),
        [] if line is None else shapely.get_coordinates(line).tolist(),
    )
