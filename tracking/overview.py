"""A unit's weeks or year at a glance: a line and a length a day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking import stops
from tracking.clock import datetime_of
from tracking.columns import from_packed, micros
from tracking.quality.track import make_track
from tracking.settling import day_line
from tracking.tracks import CIVIL_TIME

QUERIES = load_queries("tracking", "overview.sql")
MOST_RAW_DAYS = 3
"""Days read through in one answer, the newest; the worker rolls up within minutes what is missing."""

_RAW_COLUMNS = (("fix_time", ">i8"), ("lon", ">f8"), ("lat", ">f8"))


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
    rows = (await conn.execute(QUERIES["way_days"], span)).all()
    for row, line in zip(rows, _lines([row.line for row in rows]), strict=True):
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


def _lines(wkb: list[bytes | None]) -> list[list[list[float]]]:
    """The places of each line, none where there is no line."""
    lines = shapely.from_wkb([None if line is None else bytes(line) for line in wkb])
    places = shapely.get_coordinates(lines).tolist()
    ends = np.cumsum(shapely.get_num_coordinates(lines)).tolist()
    return [places[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


async def _read_through(conn: AsyncConnection, unit_id: int, day: date) -> WayOfDay | None:
    start = datetime.combine(day, time(), CIVIL_TIME)
    span = {"unit_id": unit_id, "from_time": start, "to_time": start + timedelta(days=1)}
    rows = from_packed((await conn.execute(QUERIES["raw_day"], span)).scalar_one(), _RAW_COLUMNS)
    if not len(rows):
        return None
    time_us, lon, lat = micros(rows["fix_time"]), rows["lon"].astype(float), rows["lat"].astype(float)
    track = make_track(np.arange(len(rows)), time_us, lon, lat)
    metres, error = stops.mileage(track, stops.StopSettings())
    line = day_line(lon, lat)
    return WayOfDay(
        day,
        datetime_of(int(time_us[0])),
        datetime_of(int(time_us[-1])),
        len(rows),
        round(metres, 1),
        round(error, 1),
        [] if line is None else shapely.get_coordinates(line).tolist(),
    )
