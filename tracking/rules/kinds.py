"""The kinds of alert rules by name. A new kind joins the table at the end."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.rules.base import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.dwell import Dwell
from tracking.rules.look import Kind, Look, Plain, verdict_of
from tracking.rules.places import Places
from tracking.rules.states import Remembered

SLOW_STEP_S = 300.0
"""Over a longer step no speeding is told from the way."""


class Outside(Plain):
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


class Inside(Plain):
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


class Speeding(Plain):
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


KINDS: dict[str, Kind] = {
    "left_city": Outside(),
    "off_route": Outside(),
    "forbidden_zone": Inside(),
    "speeding": Speeding(),
    "dwell": Dwell(),
}
"""Kinds that judge fix by fix. ``outside_grid`` and ``signal_lost`` have files of their own."""
