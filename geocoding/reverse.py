"""From a point to the words for it: nearest door on its side of the road, crossing, landmark."""

from dataclasses import dataclass
from math import atan2, degrees, hypot
from typing import Any

import numpy as np
import shapely
from scipy.spatial import KDTree

from geocoding.grammar.elements import Number
from geocoding.grammar.lexicon import POINT, ROAD
from geocoding.grammar.numerals import in_words
from geocoding.grammar.structure import written
from geocoding.index.entries import TRACE, UNITS
from geocoding.index.gazetteer import Gazetteer
from geocoding.index.plane import EARTH_M_PER_DEG

DOOR_WITHIN_M = 300.0
LANDMARK_WITHIN_M = 500.0
CROSSING_WITHIN_M = 80.0
NEIGHBOURS = 24
OTHER_SIDE_M = 25.0
"""A door across the road counts as so much farther away."""
AT_M = 1.0
"""Nearer than this the point lies at the place, in no direction of it."""
_NAMES = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")
_NAMES_EN = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")


@dataclass(slots=True)
class Near:
    """A named thing near the point. ``direction``: in which direction of it the point lies; empty at the
    place itself."""

    name: str
    lon: float
    lat: float
    distance_m: float
    direction: str
    direction_en: str


@dataclass(slots=True)
class Described:
    """What is said of a point. ``address``: the standard address, without areas it does not know."""

    address: str
    door: Near | None
    same_side: bool | None
    """Whether the door stands on the point's side of the road; None where no road line is known."""
    road: Near | None
    crossing: Near | None
    landmark: Near | None


class ReverseIndex:
    """Doors and landmarks in trees, road lines in another."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        columns = gazetteer.columns
        numbers = np.asarray(columns.number)
        base_of = np.zeros(len(numbers), np.int32)
        for cluster in columns.clusters:
            if not cluster.suspect:
                base_of[cluster.start : cluster.end] = cluster.base
        kinds = np.zeros(len(gazetteer.bases.texts), np.int16)
        for base, kind in gazetteer.base_kinds.items():
            kinds[base] = kind
        of_row = kinds[base_of]
        numbered = (numbers > 0) & (base_of > 0) & (np.asarray(columns.shared) == 0)
        named = (numbers == 0) & (of_row & POINT > 0) & (np.asarray(columns.unit) != TRACE)
        self._base_of = base_of
        self._doors = self._tree(np.flatnonzero(numbered))
        self._landmarks = self._tree(np.flatnonzero(named))
        self._road_names = list(gazetteer.roads)
        self._roads = shapely.STRtree([gazetteer.roads[name] for name in self._road_names])
        self._is_road = of_row & ROAD > 0

    def _tree(self, rows: np.ndarray) -> tuple[np.ndarray, KDTree | None]:
        columns = self._gazetteer.columns
        if not len(rows):
            return rows, None
        points = np.column_stack([np.asarray(columns.x)[rows], np.asarray(columns.y)[rows]])
        return rows, KDTree(points)

    def describe(self, lon: float, lat: float) -> Described:
        """Everything known about the point; empty parts where nothing is near."""
        x, y = self._gazetteer.columns.plane.metres(lon, lat)
        road = self._nearest_road(x, y)
        door, same_side = self._nearest_door(x, y)
        landmark = self._nearest(self._landmarks, x, y, LANDMARK_WITHIN_M)
        crossing = self._nearest_crossing(x, y)
        parts = door.name if door else road.name if road else landmark.name if landmark else ""
        return Described(parts, door, same_side, road, crossing, landmark)

    def _near(self, name: str, tx: float, ty: float, x: float, y: float) -> Near:
        plane = self._gazetteer.columns.plane
        lon, lat = plane.degrees(tx, ty)
        away = hypot(x - tx, y - ty)
        sector = round(degrees(atan2(x - tx, y - ty)) / 45.0) % 8
        names = (_NAMES[sector], _NAMES_EN[sector]) if away >= AT_M else ("", "")
        return Near(name, round(lon, 7), round(lat, 7), round(away, 1), *names)

    def _name_of(self, row: int) -> str:
        columns = self._gazetteer.columns
        base = in_words(self._gazetteer.bases.texts[int(self._base_of[row])])
        district = self._gazetteer.areas.texts[columns.district[row]]
        if not columns.number[row]:
            return base
        texts = columns.texts
        number = Number(columns.number[row], UNITS[columns.unit[row]], texts[columns.mark[row]])
        return f"{district}{base}{written(number)}{texts[columns.tail[row]]}"

    def _nearest(
        self, indexed: tuple[np.ndarray, KDTree | None], x: float, y: float, within_m: float
    ) -> Near | None:
        rows, tree = indexed
        if tree is None:
            return None
        away, at = tree.query([x, y], distance_upper_bound=within_m)
        if not np.isfinite(away):
            return None
        row = int(rows[int(at)])
        columns = self._gazetteer.columns
        return self._near(self._name_of(row), columns.x[row], columns.y[row], x, y)

    def _nearest_door(self, x: float, y: float) -> tuple[Near | None, bool | None]:
        rows, tree = self._doors
        if tree is None:
            return None, None
        away, at = tree.query([x, y], k=min(NEIGHBOURS, len(rows)), distance_upper_bound=DOOR_WITHIN_M)
        columns = self._gazetteer.columns
        best: tuple[float, int, bool | None] | None = None
        for distance, position in zip(np.atleast_1d(away), np.atleast_1d(at), strict=True):
            if not np.isfinite(distance):
                break
            row = int(rows[int(position)])
            side = self._same_side(row, x, y)
            cost = float(distance) + (OTHER_SIDE_M if side is False else 0.0)
            if best is None or cost < best[0]:
                best = (cost, row, side)
        if best is None:
            return None, None
        row = best[1]
        return self._near(self._name_of(row), columns.x[row], columns.y[row], x, y), best[2]

    def _same_side(self, row: int, x: float, y: float) -> bool | None:
        line = self._gazetteer.roads.get(self._gazetteer.bases.texts[int(self._base_of[row])])
        if line is None:
            return None
        columns = self._gazetteer.columns
        here, there = _side(line, x, y), _side(line, columns.x[row], columns.y[row])
        return None if here == 0 or there == 0 else here == there

    def _nearest_road(self, x: float, y: float) -> Near | None:
        if not self._road_names:
            return None
        point = shapely.Point(x, y)
        index = int(self._roads.nearest(point))
        line = self._gazetteer.roads[self._road_names[index]]
        if shapely.distance(line, point) > DOOR_WITHIN_M:
            return None
        on_line = shapely.get_coordinates(shapely.shortest_line(line, point))[0]
        return self._near(in_words(self._road_names[index]), float(on_line[0]), float(on_line[1]), x, y)

    def _nearest_crossing(self, x: float, y: float) -> Near | None:
        if not self._road_names:
            return None
        near = self._roads.query(shapely.Point(x, y), predicate="dwithin", distance=CROSSING_WITHIN_M)
        hit = near.tolist()
        best: Near | None = None
        for n, i in enumerate(hit):
            for j in hit[n + 1 :]:
                one, other = self._road_names[i], self._road_names[j]
                meeting = shapely.intersection(self._gazetteer.roads[one], self._gazetteer.roads[other])
                for px, py in shapely.get_coordinates(meeting).tolist():
                    if hypot(px - x, py - y) <= CROSSING_WITHIN_M:
                        found = self._near(in_words(f"{one}/{other}"), px, py, x, y)
                        if best is None or found.distance_m < best.distance_m:
                            best = found
        return best


def _side(line: Any, x: float, y: float) -> int:
    """1 left of the line's nearest stretch, -1 right of it, 0 on it."""
    point = shapely.Point(x, y)
    parts = shapely.get_parts(line)
    part = parts[int(np.argmin(shapely.distance(parts, point)))]
    at = shapely.line_locate_point(part, point)
    length = shapely.length(part)
    step = min(5.0, length / 4)
    a, b = shapely.get_coordinates(
        shapely.line_interpolate_point(part, [max(0.0, at - step), min(length, at + step)])
    )
    turn = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
    return 0 if abs(turn) < 1e-6 else 1 if turn > 0 else -1


def metres_between(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Ground distance for points of one city."""
    east = (lon - other_lon) * float(np.cos(np.radians(lat)))
    return hypot(east, lat - other_lat) * EARTH_M_PER_DEG
