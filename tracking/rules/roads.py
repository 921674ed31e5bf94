"""Speed limits of roads: the limit at a fix is that of the nearest road it may be driving on, by place and
direction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from tracking.locator import metres_per_degree
from tracking.sql import QUERIES

MOST_TURN_DEG = 40.0
"""A road that runs otherwise is another one: a bridge over it, a side street."""
_KEPT = 4


class RoadLimits:
    """Lines in degrees, each with its limit in km/h."""

    def __init__(self, lines: NDArray[Any], limits_kmh: NDArray[np.float64]) -> None:
        parts, line = shapely.get_parts(lines, return_index=True)
        points, part = shapely.get_coordinates(parts, return_index=True)
        together = part[1:] == part[:-1]
        self._start, self._end = points[:-1][together], points[1:][together]
        self._limit = limits_kmh[line[part[:-1][together]]]
        self._tree = shapely.STRtree(shapely.linestrings(np.stack((self._start, self._end), axis=1)))

    def __len__(self) -> int:
        return len(self._limit)

    @property
    def lowest_kmh(self) -> float:
        return float(self._limit.min(initial=np.inf))

    def limits_kmh(
        self,
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        course_deg: NDArray[np.float64],
        within_m: float,
    ) -> NDArray[np.float64]:
        """NaN where no road is within these metres or none runs that way. A course of NaN fits every road."""
        found = np.full(len(lon), np.nan)
        if not len(lon) or not len(self):
            return found
        scale = metres_per_degree(lat)
        reach = within_m / float(scale.min())
        fix, segment = self._tree.query(shapely.points(lon, lat), predicate="dwithin", distance=reach)
        if not len(fix):
            return found
        start = (self._start[segment] - np.column_stack((lon[fix], lat[fix]))) * scale[fix]
        along = (self._end[segment] - self._start[segment]) * scale[fix]
        length = np.maximum((along**2).sum(axis=1), 1e-9)
        share = np.clip(-(start * along).sum(axis=1) / length, 0.0, 1.0)
        away = np.hypot(*(start + share[:, None] * along).T)
        bearing = np.degrees(np.arctan2(along[:, 0], along[:, 1]))
        turn = np.abs((course_deg[fix] - bearing + 90.0) % 180.0 - 90.0)
        fits = (away <= within_m) & ~(turn > MOST_TURN_DEG)
        fix, segment, away = fix[fits], segment[fits], away[fits]
        order = np.lexsort((away, fix))
        first = order[np.r_[True, np.diff(fix[order]) != 0]] if len(order) else order
        found[fix[first]] = self._limit[segment[first]]
        return found


_read: dict[tuple[Any, ...], RoadLimits] = {}


def load_road_limits(
    connection: psycopg.Connection[Any], limits_kmh: Mapping[str, float]
) -> RoadLimits | None:
    """Of the roads of these classes; read again only when the roads were changed. None: no class has one."""
    wanted = {name: limit for name, limit in limits_kmh.items() if limit > 0}
    if not wanted:
        return None
    version = connection.execute(QUERIES["road_version"]).fetchone()
    key = (connection.info.dbname, connection.info.port, version, tuple(sorted(wanted.items())))
    if key not in _read:
        rows = connection.execute(
            QUERIES["roads_of_classes"], {"classes": list(wanted)}, binary=True
        ).fetchall()
        while len(_read) >= _KEPT:
            del _read[next(iter(_read))]
        _read[key] = make_road_limits([row[1] for row in rows], [wanted[row[0]] for row in rows])
    return _read[key]


def make_road_limits(lines: Sequence[bytes], limits_kmh: Sequence[float]) -> RoadLimits:
    """Of lines as WKB."""
    shapes = np.atleast_1d(shapely.from_wkb(np.array(lines, dtype=object)))
    return RoadLimits(shapes, np.array(limits_kmh, dtype=np.float64))
