"""Districts, street offices and communities asked for by name, and the part of a road that lies in one."""

from collections.abc import Iterable

import numpy as np
import shapely

from geocoding.forward import Hints, Match, district_ids
from geocoding.grammar.elements import Reading
from geocoding.index.gazetteer import Gazetteer, KnownArea
from geocoding.locating import Location, middle_features

MOST_AREAS = 10


def area_matches(gazetteer: Gazetteer, reading: Reading, hints: Hints) -> list[Match]:
    """The areas that a reading names when it names no place in them: the smallest told, those first that lie
    in the larger ones told or hinted. Their point lies inside and as near the middle as it can."""
    if reading.number is not None:
        return []
    told = [
        (level, names[-1])
        for level, names in (
            ("district", reading.districts), ("street", reading.towns), ("community", reading.communities)
        )
        if names
    ]  # fmt: skip
    if reading.bases and reading.bases[-1] not in reading.communities:
        alone = not (reading.point or reading.crossing)
        bare = _by_bare_name(gazetteer, reading.bases[-1]) if alone else None
        if bare is None:
            return []
        told.append(bare)
    if not told:
        return []
    level, name = told[-1]
    named = _named(gazetteer, level, name)[:MOST_AREAS]
    larger = [area.shape for other in told[:-1] for area in _named(gazetteer, *other)]
    if not larger and hints.district and level != "district":
        larger = [area.shape for area in _named(gazetteer, "district", hints.district)]
    found = []
    for area in named:
        point = shapely.point_on_surface(area.shape)
        inside = not larger or any(shapely.contains(shape, point) for shape in larger)
        spread_m = float(np.sqrt(shapely.area(area.shape) / np.pi))
        location = Location(
            float(point.x), float(point.y), "area", middle_features(spread_m, 1), (), False, "area"
        )
        weight = 1.0 if inside else 0.03
        found.append(
            Match(location, area.name, 0, -1, "same", 1.0, weight, 0.0, inside if larger else None, False)
        )
    found.sort(key=lambda match: -match.weight)
    total = sum(match.weight for match in found)
    return [match._replace(share=match.weight / total) for match in found]


def in_its_area(gazetteer: Gazetteer, match: Match, reading: Reading) -> Match:
    """The part of a road that lies in the community said with it, or in the street office where no community
    of that name is known; the match as it is where neither is, or the road does not reach it."""
    if match.location.level != "road" or match.cluster < 0:
        return match
    shapes = [
        [area.shape for name in names for area in _named(gazetteer, level, name)]
        for level, names in (("community", reading.communities), ("street", reading.towns))
    ]
    shape = shapely.union_all(shapes[0] or shapes[1])
    columns = gazetteer.columns_of(match.base_id)
    cluster = columns.clusters[match.cluster]
    x = np.asarray(columns.x[cluster.start : cluster.end], np.float64)
    y = np.asarray(columns.y[cluster.start : cluster.end], np.float64)
    inside = shapely.contains_xy(shape, x, y)
    if not inside.any():
        return match
    x, y = x[inside], y[inside]
    away = np.hypot(x - np.median(x), y - np.median(y))
    middle = int(away.argmin())
    location = match.location._replace(
        x=float(x[middle]), y=float(y[middle]), why="middle_inside",
        features=middle_features(float(np.quantile(away, 0.68)), len(x)),
    )  # fmt: skip
    return match._replace(location=location)


_TAILS = (
    ("district", ("区", "县", "市")),
    ("street", ("街道", "镇", "乡")),
    ("community", ("社区", "居委会", "村")),
)


def _by_bare_name(gazetteer: Gazetteer, name: str) -> tuple[str, str] | None:
    """The largest area called ``name`` without its last word, with its level: 鼓楼 for 鼓楼街道."""
    for level, tails in _TAILS:
        for tail in tails:
            if _of_level(gazetteer.known_areas.get(name + tail, ()), level):
                return level, name + tail
    return None


def _named(gazetteer: Gazetteer, level: str, name: str) -> list[KnownArea]:
    """Areas of one level by their name, also without its last word (district_ids)."""
    found = _of_level(gazetteer.known_areas.get(name, ()), level)
    if not found and level == "district":
        for identity in district_ids(gazetteer, (name,)):
            found += _of_level(gazetteer.known_areas.get(gazetteer.areas.texts[identity], ()), level)
    return found


def _of_level(areas: Iterable[KnownArea], level: str) -> list[KnownArea]:
    return [area for area in areas if area.level == level]
