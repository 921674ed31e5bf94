"""Where two roads meet, and places told from another place."""

from math import cos, hypot, log1p, radians, sin
from typing import Any

import numpy as np
import shapely
from shapely.ops import substring

from geocoding.forward import Hints, Match, district_ids, districts_said
from geocoding.grammar.elements import Reading, Relative
from geocoding.grammar.lexicon import ROAD
from geocoding.index.gazetteer import Gazetteer
from geocoding.index.similar import PART
from geocoding.locating import Location, middle_features

MEET_M = 60.0
"""Road lines this near to one another meet, even where they are drawn apart."""
DOORS_MEET_M = 250.0
"""Doors of two roads this near to one another stand about their crossing."""
ACROSS_M = 30.0
"""Typical error that 对面 (opposite) or 旁 (beside) adds."""
MOST_PARTS, MOST_MEETINGS = 8, 4
"""Parts of a road that are tried, and crossings of parts that are answered."""
_SURER = ("lines_cross", "lines_near", "stop_named_so", "doors_near")
ROADSIDE_M = 80.0
"""A door farther from the middle of its road does not stand by it."""


def crossings(gazetteer: Gazetteer, reading: Reading, hints: Hints) -> list[Match]:
    """The crossing a reading names: from road lines, from a stop that bears both names, or from doors near
    both roads; or the middle of the stretch it names between two. Of roads named without their part
    (南京路河南路路口) all crossings of parts that meet; empty where nothing is known of it."""
    if reading.number is not None:
        return []
    districts = districts_said(gazetteer, reading) or district_ids(gazetteer, filter(None, (hints.district,)))
    if reading.stretch is not None:
        between = _stretch(gazetteer, reading.stretch, districts)
        return [between] if between is not None else []
    if reading.crossing is None:
        return []
    one, other = (_known_road(gazetteer, name) for name in reading.crossing)
    if one is not None and other is not None and one != other:
        meeting = _meeting(gazetteer, one, other, districts, "same")
        if meeting is not None:
            return [meeting]
    parts, others = (
        [*([known] if known else []), *gazetteer.similar.parts(name)]
        for name, known in zip(reading.crossing, (one, other), strict=True)
    )
    found = [
        meeting
        for a in parts[:MOST_PARTS]
        for b in others[:MOST_PARTS]
        if a != b and (a, b) != (one, other)
        if (meeting := _meeting(gazetteer, a, b, districts, "part")) is not None
    ]
    found.sort(key=lambda match: _SURER.index(match.location.why))
    found = [match for match in found if match.location.why == found[0].location.why][:MOST_MEETINGS]
    return [match._replace(share=1.0 / len(found)) for match in found]


def _meeting(
    gazetteer: Gazetteer, one: str, other: str, districts: frozenset[int], reason: str
) -> Match | None:
    found = (
        _by_lines(gazetteer, one, other)
        or _by_name(gazetteer, one, other)
        or _by_doors(gazetteer, one, other, districts)
    )
    if found is None:
        return None
    x, y, error_m, why = found
    features = (1.0, log1p(error_m), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    location = Location(x, y, "crossing", features, (), False, why)
    base_id = gazetteer.bases.ids.get(one, 0)
    belief = 1.0 if reason == "same" else PART
    return Match(location, f"{one}/{other}", base_id, -1, reason, belief, belief, 1.0, None, True)


def _stretch(gazetteer: Gazetteer, named: tuple[str, str, str], districts: frozenset[int]) -> Match | None:
    """The middle of a road's stretch between two others, along its line where that is known."""
    known = [_known_road(gazetteer, name) for name in named]
    road, *ends = [name for name in known if name is not None]
    if len(ends) < 2 or len({road, *ends}) < 3:
        return None
    met = [_meeting(gazetteer, road, end, districts, "same") for end in ends]
    spots = [(match.location.x, match.location.y) for match in met if match is not None]
    if len(spots) < 2:
        return None
    line = shapely.LineString(spots)
    along = shapely.line_merge(gazetteer.roads[road]) if road in gazetteer.roads else None
    if along is not None and along.geom_type == "LineString":
        first, last = sorted(shapely.line_locate_point(along, shapely.points(spots)).tolist())
        if last > first:
            line = substring(along, first, last)
    middle = shapely.line_interpolate_point(line, 0.5, normalized=True)
    location = Location(
        float(middle.x), float(middle.y), "road", middle_features(float(line.length) / 2.0, 2), (), False,
        "stretch",
    )  # fmt: skip
    base_id = gazetteer.bases.ids.get(road, 0)
    title = f"{road}({ends[0]}至{ends[1]})"
    return Match(location, title, base_id, -1, "same", 1.0, 1.0, 1.0, None, False, ROAD)


def _known_road(gazetteer: Gazetteer, name: str) -> str | None:
    if name in gazetteer.bases.ids or name in gazetteer.roads:
        return name
    alias = gazetteer.aliases.get(name)
    if alias is not None:
        return alias.base
    for other, belief, _ in gazetteer.similar.find(name):
        if belief > 0.8:
            return other
    for start in range(1, len(name) - 2):
        if name[start:] in gazetteer.bases.ids:
            return name[start:]
    return None


def _by_lines(gazetteer: Gazetteer, one: str, other: str) -> tuple[float, float, float, str] | None:
    a, b = gazetteer.roads.get(one), gazetteer.roads.get(other)
    if a is None or b is None:
        return None
    meeting = shapely.intersection(a, b)
    if not meeting.is_empty:
        points = shapely.get_coordinates(meeting)
        centre = np.median(points, axis=0)
        spread = float(np.hypot(*(points - centre).T).max())
        return float(centre[0]), float(centre[1]), 10.0 + spread, "lines_cross"
    if shapely.distance(a, b) > MEET_M:
        return None
    near = shapely.get_coordinates(shapely.shortest_line(a, b)).mean(axis=0)
    return float(near[0]), float(near[1]), 30.0, "lines_near"


def _by_name(gazetteer: Gazetteer, one: str, other: str) -> tuple[float, float, float, str] | None:
    for name in (one + other, other + one):
        for full in (name, *gazetteer.names.aliases.get(name, ())):
            base_id = gazetteer.bases.ids.get(full)
            columns = gazetteer.columns_of(base_id or 0)
            if base_id and gazetteer.clusters_of(base_id):
                cluster = columns.clusters[gazetteer.clusters_of(base_id)[0]]
                return cluster.x, cluster.y, 100.0 + cluster.radius_m, "stop_named_so"
    return None


def _by_doors(
    gazetteer: Gazetteer, one: str, other: str, districts: frozenset[int]
) -> tuple[float, float, float, str] | None:
    one_id, other_id = gazetteer.bases.ids.get(one, 0), gazetteer.bases.ids.get(other, 0)
    columns, others = gazetteer.columns_of(one_id), gazetteer.columns_of(other_id)
    best: tuple[float, float, float] | None = None
    for m in gazetteer.clusters_of(one_id):
        a = columns.clusters[m]
        if districts and a.districts and not a.districts & districts:
            continue
        ax, ay = np.asarray(columns.x[a.start : a.end]), np.asarray(columns.y[a.start : a.end])
        for n in gazetteer.clusters_of(other_id):
            b = others.clusters[n]
            bx, by = np.asarray(others.x[b.start : b.end]), np.asarray(others.y[b.start : b.end])
            apart = np.hypot(ax[:, None] - bx[None, :], ay[:, None] - by[None, :])
            i, j = np.unravel_index(int(apart.argmin()), apart.shape)
            if best is None or apart[i, j] < best[2]:
                best = (float(ax[i] + bx[j]) / 2, float(ay[i] + by[j]) / 2, float(apart[i, j]))
    if best is None or best[2] > DOORS_MEET_M:
        return None
    return best[0], best[1], 80.0 + best[2], "doors_near"


def moved(x: float, y: float, relative: Relative | None, road: Any = None) -> tuple[float, float, float]:
    """The point told from (x, y), metres, and the error this adds. ``road``: the line of the road that the
    place told from stands on; what is opposite to it lies as far beyond the line."""
    if relative is None or relative.relation in ("at", "inside"):
        return x, y, 0.0
    if relative.bearing_deg is None:
        distance = relative.distance_m or 0.0
        if relative.relation == "opposite" and road is not None:
            door = shapely.Point(x, y)
            middle = shapely.get_point(shapely.shortest_line(road, door), 0)
            if middle.distance(door) <= ROADSIDE_M:
                return 2 * middle.x - x, 2 * middle.y - y, hypot(ACROSS_M / 2, distance)
        return x, y, hypot(ACROSS_M, distance)
    distance = relative.distance_m if relative.distance_m is not None else ACROSS_M
    turn = radians(relative.bearing_deg)
    return x + distance * sin(turn), y + distance * cos(turn), 0.3 * distance + 10.0
