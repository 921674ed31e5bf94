"""The kinds of alert rules by name. A new kind joins the table at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.rules.base import Remembered, Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Step
from tracking.rules.places import Places

SLOW_STEP_S = 300.0
"""Over a longer step no speeding is told from the way."""
METRES_PER_DEGREE = 111_195.0


@dataclass(slots=True)
class Look:
    """Columns beside the fixes. ``verdict``: 1 breaks the rule, -1 keeps it, 0 says nothing; ``value``: what
    was measured; ``subject``: see ``hysteresis.Seen``. ``stays``: new memory of the devices that have any."""

    verdict: NDArray[np.int8]
    value: NDArray[np.float64]
    subject: NDArray[np.int64] | None = None
    stays: dict[int, tuple[int, float, float] | None] = field(default_factory=dict)


class Kind(Protocol):
    """What one kind of rule sees in fixes. Pure; all devices of a batch at once."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look: ...

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        """What is told of a step beside the common; ``row``: the fix that caused it."""


class _Plain:
    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {}


def verdict_of(breaks: NDArray[np.bool_], neither: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(breaks, 1, np.where(neither, 0, -1)).astype(np.int8)


class Outside(_Plain):
    """Out of all the shapes, by more than a buffer."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        away = places.distance_m(fixes.lon, fixes.lat)
        return Look(verdict_of(away > rule.buffer_m, away > 0), away)


class Inside(_Plain):
    """Within one of the shapes, deeper than a buffer."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        depth = places.depth_m(fixes.lon, fixes.lat)
        return Look(verdict_of(depth > rule.buffer_m, depth > 0), depth)


class Speeding(_Plain):
    """By the device's speed, if the way agrees that it moves; else by the way. The limit is the lowest of the
    zones around; else that of the road it drives on; else the general one."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        seconds = scene.way.seconds
        with np.errstate(invalid="ignore", divide="ignore"):
            usable = (seconds > 0) & (seconds <= SLOW_STEP_S)
            way = np.where(usable, scene.way.metres / seconds, np.nan)
            told = fixes.speed_mps.astype(np.float64)
            # A reported speed with hardly any way is a filler or a field that froze.
            speed = np.where(np.isnan(told), way, np.where(way >= 0.5 * told, told, np.fmin(told, way)))
            limit = _limits_kmh(rule, places, fixes, speed * 3.6) / 3.6
            neither = np.isnan(speed) | (speed > 0.95 * limit)
            return Look(verdict_of(speed > limit, neither), np.nan_to_num(speed * 3.6))


def _limits_kmh(
    rule: RuleDefinition, places: Places, fixes: FixBatch, speed_kmh: NDArray[np.float64]
) -> NDArray[np.float64]:
    limits = places.limits_kmh(fixes.lon, fixes.lat, np.nan)
    if places.roads is not None:
        # Who is slower than any road allows need not be put on one.
        slowest = 0.95 * min(places.roads.lowest_kmh, rule.limit_kmh)
        asked = np.flatnonzero(np.isnan(limits) & (speed_kmh > slowest))
        limits[asked] = places.roads.limits_kmh(
            *(fixes.lon[asked], fixes.lat[asked], fixes.course_deg[asked].astype(np.float64)), rule.road_m
        )
    return np.where(np.isnan(limits), rule.limit_kmh, limits)


class Dwell(_Plain):
    """Near where it came to rest for too long. The place is that of the first fix there; it is remembered
    when it is not simply that of the last fix."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        value = np.zeros(len(fixes))
        way = scene.way
        east = METRES_PER_DEGREE * np.cos(np.radians(fixes.lat))
        reach = rule.radius_m**2
        with np.errstate(invalid="ignore"):
            dx = (fixes.lon - way.before_lon) * east
            dy = (fixes.lat - way.before_lat) * METRES_PER_DEGREE
            near = dx * dx + dy * dy <= reach
        look = Look(np.zeros(0, dtype=np.int8), value)
        starts = np.flatnonzero(np.r_[True, fixes.device_id[1:] != fixes.device_id[:-1]])
        some_near = np.logical_or.reduceat(near, starts) if len(starts) else near
        devices = fixes.device_id[starts].tolist()
        bounds = [*starts.tolist(), len(fixes)]
        for number, device in enumerate(devices):
            known = states.get(device)
            stay = known.stay if known else None
            if stay is None and not some_near[number]:
                continue
            rows = slice(bounds[number], bounds[number + 1])
            look.stays[device] = _stay(fixes, way.before_us, way, east, rows, stay, reach, value)
        look.verdict = np.where(value >= rule.after_s, 1, -1).astype(np.int8)
        return look


def _stay(
    fixes: FixBatch,
    before_us: NDArray[np.int64],
    way: Any,
    east: NDArray[np.float64],
    rows: slice,
    stay: tuple[int, float, float] | None,
    reach: float,
    value: NDArray[np.float64],
) -> tuple[int, float, float] | None:
    """Fills in the seconds of the stay for the rows of one device; the place remembered afterwards."""
    first = rows.start
    if stay is None:
        stay = (int(before_us[first]), float(way.before_lon[first]), float(way.before_lat[first]))
    since, centre_lon, centre_lat = stay
    columns = zip(
        fixes.fix_time_us[rows].tolist(),
        fixes.lon[rows].tolist(),
        fixes.lat[rows].tolist(),
        east[rows].tolist(),
        strict=True,
    )
    time_us = since
    for row, (time_us, lon, lat, per_degree) in enumerate(columns, start=first):
        dx, dy = (lon - centre_lon) * per_degree, (lat - centre_lat) * METRES_PER_DEGREE
        if dx * dx + dy * dy <= reach:
            value[row] = (time_us - since) / 1e6
        else:
            since, centre_lon, centre_lat = time_us, lon, lat
    return None if since == time_us else (since, centre_lon, centre_lat)


KINDS: dict[str, Kind] = {
    "left_city": Outside(),
    "off_route": Outside(),
    "forbidden_zone": Inside(),
    "speeding": Speeding(),
    "dwell": Dwell(),
}
"""Kinds that judge fix by fix. ``outside_grid`` and ``signal_lost`` have files of their own."""
