"""Where a unit has been."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from tracking.columns import from_packed, micros
from tracking.units import QUERIES

CIVIL_TIME = ZoneInfo("Asia/Shanghai")
MAX_FIXES = 100_000
"""Most fixes of one answer: a fix a second for more than a day."""
_TRACK_COLUMNS = (("fix_time", ">i8"), ("lon", ">f8"), ("lat", ">f8"), ("speed_mps", ">f4"))


@dataclass(frozen=True, slots=True)
class Track:
    """Fixes in order of time, as parallel lists. ``times``: seconds since 1970; ``speeds``: m/s."""

    coordinates: list[tuple[float, float]]
    times: list[float]
    speeds: list[float | None]
    truncated: bool
    """There are more fixes than ``MAX_FIXES``; the later ones are missing."""


def start_of_today(now: datetime) -> datetime:
    """Midnight in China before ``now`` (aware), in UTC."""
    return datetime.combine(now.astimezone(CIVIL_TIME).date(), time(), CIVIL_TIME).astimezone(UTC)


async def read_track(conn: AsyncConnection, unit_id: int, from_time: datetime, to_time: datetime) -> Track:
    """Fixes of a unit from ``from_time`` (inclusive) to ``to_time`` (exclusive)."""
    asked = {"unit_id": unit_id, "from_time": from_time, "to_time": to_time, "max_fixes": MAX_FIXES + 1}
    rows = from_packed((await conn.execute(QUERIES["track"], asked)).scalar_one(), _TRACK_COLUMNS)
    truncated = len(rows) > MAX_FIXES
    rows = rows[:MAX_FIXES]
    lon, lat = (np.round(rows[name].astype(np.float64), 7).tolist() for name in ("lon", "lat"))
    speeds = np.round(rows["speed_mps"].astype(np.float64), 2)
    return Track(
        coordinates=list(zip(lon, lat, strict=True)),
        times=(micros(rows["fix_time"]) / 1e6).tolist(),
        speeds=[None if speed != speed else speed for speed in speeds.tolist()],
        truncated=truncated,
    )


class FixTally:
    """Counts the fixes of the present civil day without reading the whole day each time.

    Hours that ended more than an hour ago are counted once, so fixes that come more than an hour
    late are missing from the figure until the process starts anew. The answer is up to
    ``TRUSTED_S`` seconds old.
    """

    TRUSTED_S = 20.0

    def __init__(self) -> None:
        self._hours: dict[datetime, int] = {}
        self._answer: tuple[datetime, int] | None = None

    async def today(self, conn: AsyncConnection, now: datetime) -> int:
        if self._answer and (now - self._answer[0]).total_seconds() < self.TRUSTED_S:
            return self._answer[1]
        hour = start_of_today(now)
        self._hours = {start: count for start, count in self._hours.items() if start >= hour}
        total = 0
        while hour <= now:
            end = hour + timedelta(hours=1)
            count = self._hours.get(hour)
            if count is None:
                count = int(
                    (
                        await conn.execute(QUERIES["fixes_between"], {"from_time": hour, "to_time": end})
                    ).scalar_one()
                )
                if end < now - timedelta(hours=1):
                    self._hours[hour] = count
            total += count
            hour = end
        self._answer = (now, total)
        return total
