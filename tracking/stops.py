"""Stops and trips of a track, and the way driven: what a receiver's noise adds is left out."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat
from pydantic_settings import BaseSettings, SettingsConfigDict

from tracking.quality.track import Track, distance_m

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on the sphere."""


class StopSettings(BaseSettings):
    """What is a stop, and how the way is measured."""

    model_config = SettingsConfigDict(env_prefix="WANMI_STOP_", frozen=True)

    radius_m: PositiveFloat = 50.0
    """A stop is a stay within this distance of its own centre …"""
    duration_s: PositiveFloat = 180.0
    """… for at least so long."""
    join_s: NonNegativeFloat = 120.0
    """Two stops at one place with less than this between them are one."""
    noise_m: NonNegativeFloat = 5.0
    """Standard error of a position. The way is measured from point to point three of these apart."""


@dataclass(frozen=True, slots=True)
class Stop:
    """``start``, ``end``: indices of the first and the last fix."""

    start: int
    end: int
    start_us: int
    end_us: int
    lon: float
    lat: float

    @property
    def duration_s(self) -> float:
        return (self.end_us - self.start_us) / 1e6


@dataclass(frozen=True, slots=True)
class Trip:
    """From the last fix of a stop (or the first of all) to the first of the next."""

    start: int
    end: int
    start_us: int
    end_us: int
    distance_m: float
    error_m: float


def find_stops(track: Track, settings: StopSettings) -> list[Stop]:
    """Stays in order of time. A fix or two away, as a receiver among houses gives them, do not end one."""
    found: list[Stop] = []
    lon, lat, time_us = track.lon.tolist(), track.lat.tolist(), track.time_us.tolist()
    east = (METRES_PER_DEGREE * np.cos(np.radians(track.lat))).tolist()
    reach, strayed, needed_us = settings.radius_m**2, (3 * settings.radius_m) ** 2, settings.duration_s * 1e6
    start, count, index = 0, len(lon), 0
    sum_lon = sum_lat = 0.0
    members = 0
    away: set[int] = set()
    """Fixes between ``start`` and ``index`` that are out of reach."""
    while index < count:
        if members == 0:
            start, members, sum_lon, sum_lat = index, 1, lon[index], lat[index]
            away.clear()
            index += 1
            continue
        apart = _apart(lon, lat, east, index, sum_lon / members, sum_lat / members)
        if apart <= reach:
            sum_lon += lon[index]
            sum_lat += lat[index]
            members += 1
            index += 1
            continue
        if apart <= strayed and members > STRAY_FIXES:
            back = _back(lon, lat, east, index, sum_lon / members, sum_lat / members, reach)
            if back:
                away.update(range(index, back))
                index = back
                continue
        if time_us[index - 1] - time_us[start] >= needed_us:
            centre = sum_lon / members, sum_lat / members
            found.append(Stop(start, index - 1, time_us[start], time_us[index - 1], *centre))
            members = 0
            continue
        sum_lon -= lon[start]
        sum_lat -= lat[start]
        members -= 1
        start += 1
        while start in away:
            away.discard(start)
            start += 1
    if members > 1 and time_us[count - 1] - time_us[start] >= needed_us:
        centre = sum_lon / members, sum_lat / members
        found.append(Stop(start, count - 1, time_us[start], time_us[count - 1], *centre))
    return _joined(found, settings)


STRAY_FIXES = 2
"""So many fixes in a row may lie up to three radii off and not end a stay of more fixes."""


def _apart(
    lon: list[float], lat: list[float], east: list[float], index: int, at_lon: float, at_lat: float
) -> float:
    """Square metres from a fix to a place."""
    dx, dy = (lon[index] - at_lon) * east[index], (lat[index] - at_lat) * METRES_PER_DEGREE
    return dx * dx + dy * dy


def _back(
    lon: list[float],
    lat: list[float],
    east: list[float],
    index: int,
    at_lon: float,
    at_lat: float,
    reach: float,
) -> int:
    """The fix with which a stay goes on after a few out of reach; 0 when it does not."""
    for later in range(index + 1, min(index + STRAY_FIXES + 1, len(lon))):
        if _apart(lon, lat, east, later, at_lon, at_lat) <= reach:
            return later
    return 0


def _joined(stops: list[Stop], settings: StopSettings) -> list[Stop]:
    joined: list[Stop] = []
    for stop in stops:
        last = joined[-1] if joined else None
        if last and (stop.start_us - last.end_us) / 1e6 <= settings.join_s:
            dx = (stop.lon - last.lon) * METRES_PER_DEGREE * float(np.cos(np.radians(stop.lat)))
            dy = (stop.lat - last.lat) * METRES_PER_DEGREE
            if dx * dx + dy * dy <= settings.radius_m**2:
                weight = last.duration_s / (last.duration_s + stop.duration_s)
                joined[-1] = Stop(
                    last.start,
                    stop.end,
                    last.start_us,
                    stop.end_us,
                    last.lon * weight + stop.lon * (1 - weight),
                    last.lat * weight + stop.lat * (1 - weight),
                )
                continue
        joined.append(stop)
    return joined


def find_trips(track: Track, stops: list[Stop], settings: StopSettings) -> list[Trip]:
    """What lies between the stops; ways shorter than the radius of a stop are none."""
    edges = [0, *(edge for stop in stops for edge in (stop.start, stop.end)), len(track) - 1]
    trips = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end <= start:
            continue
        metres, error = mileage(track.take(np.arange(start, end + 1)), settings)
        if metres >= settings.radius_m:
            trips.append(Trip(start, end, int(track.time_us[start]), int(track.time_us[end]), metres, error))
    return trips


def mileage(track: Track, settings: StopSettings) -> tuple[float, float]:
    """Length of the way (m) and its standard error (m).

    Only points at least three times the noise apart are joined, so a receiver at rest drives nothing.
    The error holds the noise of the ends of each leg, and what curves between fixes hide: the loss
    when only every second point is taken, which the true way exceeds ours by at most about.
    """
    points = _anchors(track, 3 * settings.noise_m)
    if len(points) < 2:
        return 0.0, 0.0
    lon, lat = track.lon[points], track.lat[points]
    legs = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    total = float(legs.sum())
    coarse = np.unique(np.r_[np.arange(0, len(points), 2), len(points) - 1])
    half = distance_m(lon[coarse][:-1], lat[coarse][:-1], lon[coarse][1:], lat[coarse][1:]).sum()
    noise = settings.noise_m * np.sqrt(2.0 * len(legs))
    return total, float(np.hypot(noise, total - half))


def _anchors(track: Track, apart_m: float) -> NDArray[np.intp]:
    """Indices of points that are each at least so far from the one before."""
    if len(track) < 2:
        return np.arange(len(track))
    if float(track.step_m().min()) >= apart_m:
        return np.arange(len(track))
    lon, lat = track.lon.tolist(), track.lat.tolist()
    east = (METRES_PER_DEGREE * np.cos(np.radians(track.lat))).tolist()
    kept = [0]
    here_lon, here_lat, limit = lon[0], lat[0], apart_m**2
    for index in range(1, len(lon)):
        dx = (lon[index] - here_lon) * east[index]
        dy = (lat[index] - here_lat) * METRES_PER_DEGREE
        if dx * dx + dy * dy >= limit:
            kept.append(index)
            here_lon, here_lat = lon[index], lat[index]
    return np.array(kept, dtype=np.intp)


def derived_speed(track: Track, window_s: float = 60.0, noise_m: float = 5.0) -> NDArray[np.float64]:
    """Speed (m/s) by displacement over the last fixes, for devices that report none; NaN at the first.

    Taken over the step before, or over the fixes of the last ``window_s`` where steps are shorter; a
    displacement within three times the noise is none.
    """
    speed = np.full(len(track), np.nan)
    if len(track) < 2:
        return speed
    since = np.searchsorted(track.time_us, track.time_us - int(window_s * 1e6))
    index = np.arange(len(track))
    before = np.where(index > 0, np.minimum(since, index - 1), 0)
    seconds = (track.time_us - track.time_us[before]) / 1e6
    metres = track.apart_m(before, index)
    metres = np.where(metres <= 3 * noise_m, 0.0, metres)
    usable = (index > 0) & (seconds > 0)
    speed[usable] = metres[usable] / seconds[usable]
    return speed


def simplify(track: Track, zoom: int) -> NDArray[np.intp]:
    """Indices of the fixes that a map at this zoom needs: Douglas-Peucker to half a pixel."""
    if len(track) < 3:
        return np.arange(len(track))
    pixel = 360.0 / 256 / 2**zoom
    squeeze = float(np.cos(np.radians(np.median(track.lat))))
    xy = np.column_stack((track.lon, track.lat / max(squeeze, 0.1)))
    line = shapely.linestrings(np.column_stack((xy, np.arange(len(track)))))
    kept = shapely.get_coordinates(shapely.simplify(line, pixel / 2, preserve_topology=False), include_z=True)
    return np.asarray(kept[:, 2], dtype=np.intp)
