"""A unit's day: stops, trips, mileage, silences and turns of duty."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking import quality
from tracking.clock import datetime_of, micros_of
from tracking.columns import from_packed, micros
from tracking.quality.track import Track, distance_m, make_track
from tracking.stops import StopSettings, find_stops, find_trips
from tracking.tracks import CIVIL_TIME

QUERIES = load_queries("tracking", "journeys.sql")
REACHED_M = 30.0
"""A patrol point is reached by a fix so near."""
LONGEST_STEP_S = 600.0
"""A longer silence counts neither as inside nor as outside."""

_DAY_COLUMNS = (
    *(("fix_time", ">i8"), ("received_at", ">i8"), ("lon", ">f8"), ("lat", ">f8")),
    *(("speed_mps", ">f4"), ("course_deg", ">f4"), ("grid_id", ">i4")),
)


@dataclass(frozen=True, slots=True)
class Stay:
    start: datetime
    end: datetime
    lon: float
    lat: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Journey:
    """``error_m``: standard error of ``distance_m``."""

    start: datetime
    end: datetime
    distance_m: float
    error_m: float


@dataclass(frozen=True, slots=True)
class PatrolPointPassed:
    """``reached_at``: the first fix within 30 m during the turn; null: missed."""

    id: int
    name: str
    name_en: str | None
    lon: float
    lat: float
    reached_at: datetime | None


@dataclass(frozen=True, slots=True)
class TurnDone:
    """A turn of duty as it went. ``silent_s``: without a fix for over ten minutes, or before the first
    and after the last."""

    starts_at: datetime
    ends_at: datetime
    grid: str | None
    route: str | None
    inside_s: float
    outside_s: float
    silent_s: float
    patrol_points: list[PatrolPointPassed]
    grid_en: str | None = None
    route_en: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """``parked``: it ended within 200 m of where it began."""

    start: datetime
    end: datetime
    distance_m: float
    parked: bool


@dataclass(frozen=True, slots=True)
class UnitDay:
    """``reasons``: how many fixes were flagged or left out, by reason."""

    unit_id: int
    date: date
    fixes: int
    kept: int
    mileage_m: float
    mileage_error_m: float
    stops: list[Stay]
    trips: list[Journey]
    silences: list[Silence]
    turns: list[TurnDone]
    reasons: dict[str, int]


async def read_day(conn: AsyncConnection, unit_id: int, day: date) -> UnitDay:
    """The civil day of a unit, by the same checks as ``./wanmi tracks analyse``."""
    start = datetime.combine(day, time(), CIVIL_TIME)
    span = {"unit_id": unit_id, "from_time": start, "to_time": start + timedelta(days=1)}
    rows = from_packed((await conn.execute(QUERIES["day_fixes"], span)).scalar_one(), _DAY_COLUMNS)
    track = make_track(
        np.arange(len(rows)),
        micros(rows["fix_time"]),
        *(rows[name].astype(np.float64) for name in ("lon", "lat", "speed_mps", "course_deg")),
    )
    arrival, grid_ids = micros(rows["received_at"]), rows["grid_id"].astype(np.int64)
    checked = quality.check(track, quality.QualitySettings(), arrival_us=arrival)
    left, settings = checked.track.take(~checked.frozen), StopSettings()
    stops = find_stops(left, settings)
    trips = find_trips(left, stops, settings)
    turns = [
        await _turn_done(conn, dict(turn), left, grid_ids[left.row])
        for turn in (await conn.execute(QUERIES["day_turns"], span)).mappings().all()
    ]
    return UnitDay(
        unit_id=unit_id,
        date=day,
        fixes=len(rows),
        kept=len(checked.track),
        mileage_m=round(sum(trip.distance_m for trip in trips), 1),
        mileage_error_m=round(float(np.sqrt(sum(trip.error_m**2 for trip in trips))), 1),
        stops=[
            Stay(
                datetime_of(stop.start_us),
                datetime_of(stop.end_us),
                round(stop.lon, 6),
                round(stop.lat, 6),
                round(stop.duration_s, 1),
            )
            for stop in stops
        ],
        trips=[
            Journey(
                datetime_of(trip.start_us),
                datetime_of(trip.end_us),
                round(trip.distance_m, 1),
                round(trip.error_m, 1),
            )
            for trip in trips
        ],
        silences=[
            Silence(
                datetime_of(finding.time_us),
                datetime_of(int(finding.extras["until_us"])),
                finding.extras["distance_m"],
                finding.why is quality.Why.PARKED,
            )
            for finding in checked.findings
            if finding.why in (quality.Why.GAP, quality.Why.PARKED)
        ],
        turns=turns,
        reasons=dict(Counter(finding.why.value for finding in checked.findings)),
    )


async def _turn_done(
    conn: AsyncConnection, turn: dict[str, Any], track: Track, grid_ids: np.ndarray[Any, Any]
) -> TurnDone:
    begins, ends = micros_of(turn["starts_at"]), micros_of(turn["ends_at"])
    on_duty = (track.time_us >= begins) & (track.time_us < ends)
    during, grids = track.take(on_duty), grid_ids[on_duty]
    seconds = during.step_s()
    counted = seconds <= LONGEST_STEP_S
    inside = (grids[:-1] == turn["grid_id"]) if turn["grid_id"] else np.zeros(len(seconds), dtype=np.bool_)
    inside_s = float(seconds[counted & inside].sum())
    outside_s = float(seconds[counted & ~inside].sum()) if turn["grid_id"] else 0.0
    rows = await conn.execute(QUERIES["patrol_points"], {"grid_id": turn["grid_id"]})
    return TurnDone(
        turn["starts_at"],
        turn["ends_at"],
        turn["grid"],
        turn["route"],
        round(inside_s, 1),
        round(outside_s, 1),
        round(max(0.0, (ends - begins) / 1e6 - float(seconds[counted].sum())), 1),
        [_passed(during, dict(row)) for row in rows.mappings()],
        turn["grid_en"],
        turn["route_en"],
    )


def _passed(track: Track, point: dict[str, Any]) -> PatrolPointPassed:
    place = np.full(len(track), point["lon"]), np.full(len(track), point["lat"])
    near = np.flatnonzero(distance_m(track.lon, track.lat, *place) <= REACHED_M)
    reached = datetime_of(int(track.time_us[near[0]])) if len(near) else None
    return PatrolPointPassed(**point, reached_at=reached)
